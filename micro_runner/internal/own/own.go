// Package own knows what the runner itself has left at the paths that are watched, so that it does not tell of its own writes.
//
// fanotify says which process it was. inotify does not; there, what counts is whether the inode at the path is still, to the
// nanosecond of its ctime, what the runner's last write left. It is never a matter of how long ago that was.
package own

import (
	"slices"
	"strings"
	"sync"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
)

// Writes is the memory. It may be used from any goroutine.
type Writes struct {
	mu      sync.Mutex
	watched map[string]bool // paths; with a trailing slash: what is in the directory
	left    map[string]sys.Stat
	busy    map[string]int
	running map[int]bool
	ended   []int
}

// maxEnded is how many programs that have ended are remembered: the kernel tells of what they did a moment later.
const maxEnded = 64

// NewWrites remembers nothing until something is watched.
func NewWrites() *Writes {
	return &Writes{left: map[string]sys.Stat{}, busy: map[string]int{}, running: map[int]bool{}}
}

// Watch says which paths matter from now on.
func (w *Writes) Watch(paths []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = make(map[string]bool, len(paths))
	for _, path := range paths {
		w.watched[path] = true
	}
	for path := range w.left {
		if !w.matters(path) {
			delete(w.left, path)
		}
	}
}

// Program says that a process does the runner's own work from now on, until what it gives is called, after its end.
func (w *Writes) Program(pid int) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[pid] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, pid)
		w.ended = append(w.ended[max(0, len(w.ended)+1-maxEnded):], pid)
	}
}

// IsProgram says whether a process is, or was, such a one. Whoever lives under the number of one that has ended is somebody else.
func (w *Writes) IsProgram(pid int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[pid] || slices.Contains(w.ended, pid) && syscall.Kill(pid, 0) == syscall.ESRCH
}

func (w *Writes) matters(path string) bool {
	if w.watched[path] || w.watched[path+"/"] {
		return true
	}
	return w.watched[path[:strings.LastIndexByte(path, '/')+1]]
}

// Begin is called right before a path is written to, and what it gives right afterwards, with the directory and name of the path. Until
// then nobody can say whose doing a change of the path is.
func (w *Writes) Begin(path string) (end func(dir sys.FD, name string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.matters(path) {
		return func(sys.FD, string) {}
	}
	w.busy[path]++
	return func(dir sys.FD, name string) { w.end(path, dir, name, nil) }
}

func (w *Writes) end(path string, dir sys.FD, name string, err error) {
	stat, ok := look(dir, name, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[path]--; w.busy[path] == 0 {
		delete(w.busy, path)
	}
	if ok {
		w.left[path] = stat
	} else {
		delete(w.left, path)
	}
}

// look gives what is at a name, if its directory could be reached; a Stat of zeros for nothing.
func look(dir sys.FD, name string, err error) (sys.Stat, bool) {
	var stat sys.Stat
	if err == nil {
		stat, err = sys.Statat(dir, name)
	}
	if err == nil {
		return stat, true
	}
	code := fault.From(err, name).Code
	return sys.Stat{}, code == fault.NotFound || code == fault.NotDirectory
}

// BeginTree is like Begin, for the removal of a directory with all that is in it.
func (w *Writes) BeginTree(path string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var below []string
	for watched := range w.watched {
		if strings.HasPrefix(watched, path+"/") {
			below = append(below, strings.TrimSuffix(watched, "/"))
		}
	}
	for _, path := range below {
		w.busy[path]++
	}
	return func() {
		for _, path := range below {
			dir, name, err := walk.Parent(path)
			w.end(path, dir, name, err)
			if err == nil {
				dir.Close()
			}
		}
	}
}

// Verdict is whose doing the present state of a path is.
type Verdict int

// The verdicts.
const (
	Others  Verdict = iota
	Ours            // exactly what the runner left
	Pending         // the runner is writing right now: ask again
)

// Judge looks at a path.
func (w *Writes) Judge(path string) Verdict {
	w.mu.Lock()
	left, known := w.left[path]
	busy := w.busy[path] > 0
	w.mu.Unlock()
	switch {
	case busy:
		return Pending
	case !known:
		return Others
	}
	dir, name, err := walk.Parent(path)
	if err == nil {
		defer dir.Close()
	}
	if now, ok := look(dir, name, err); ok && now.Unmoved(&left) {
		return Ours
	}
	return Others
}
