package temp

import (
	"os"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/sys"
)

// Where a lock does not tell (a symbolic link cannot be locked, and another machine's lock may not be seen), age does. A link's owner
// needs it for microseconds; should it be wrongly taken away all the same, the owner's rename fails and is tried anew.
const (
	linkAge   = 2 * time.Second
	remoteAge = time.Hour
)

// Sweep removes what runners that are gone have left in a directory, once a session for each.
func (w *Workshop) Sweep(dir sys.FD, stat *sys.Stat) {
	key := inode{stat.Dev, stat.Ino}
	w.mu.Lock()
	done := w.swept[key]
	w.swept[key] = true
	w.mu.Unlock()
	if done {
		return
	}
	fd, err := sys.Openat(dir, ".", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return // a directory that may not be read
	}
	listing := fd.File("directory")
	defer listing.Close()
	for {
		names, err := listing.Readdirnames(1024)
		for _, name := range names {
			if strings.HasPrefix(name, Prefix) && w.stale(dir, name) {
				_ = sys.Unlinkat(dir, name, 0)
			}
		}
		if err != nil { // io.EOF at the end
			return
		}
	}
}

func (w *Workshop) stale(dir sys.FD, name string) bool {
	by, ok := makerOf(name)
	if !ok || by == w.self {
		return false
	}
	visible := by.world == w.self.world // its process would be, if it lived
	if visible && by.living() {
		return false
	}
	stat, err := sys.Statat(dir, name)
	if err != nil {
		return false
	}
	age := time.Since(time.Unix(stat.Ctime.Sec, int64(stat.Ctime.Nsec)))
	if stat.Is(syscall.S_IFLNK) {
		return visible || age > linkAge
	}
	if !stat.Is(syscall.S_IFREG) {
		return false
	}
	fd, err := sys.Openat(dir, name, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer fd.Close()
	opened, err := sys.Fstat(fd)
	if err != nil || !opened.Same(&stat) || sys.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false
	}
	local, _ := digest.Local(fd)
	return visible || local || age > remoteAge
}

// Hides says whether an entry of a directory is a temporary file that somebody is still at work on, so that it concerns nobody else. The
// name alone says nothing: anybody can give it to anything. Only the workshop's own drafts are hidden whoever owns them by now.
func (w *Workshop) Hides(dir sys.FD, name string, stat *sys.Stat) bool {
	by, ok := makerOf(name)
	if !ok || !stat.Is(syscall.S_IFREG) && !stat.Is(syscall.S_IFLNK) {
		return false
	}
	if by == w.self {
		return w.has(name)
	}
	return (stat.UID == 0 || int(stat.UID) == os.Geteuid()) && !w.stale(dir, name)
}

func (w *Workshop) has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for draft := range w.named {
		if draft.name == name {
			return true
		}
	}
	return false
}

// Passing says whether what is heard of an entry concerns nobody: it is hidden, or was a temporary file of one who lives, and is gone.
func (w *Workshop) Passing(dir sys.FD, name string) bool {
	by, ok := makerOf(name)
	if !ok {
		return false
	}
	stat, err := sys.Statat(dir, name)
	if err != nil {
		return by.world == w.self.world && by.living()
	}
	return w.Hides(dir, name, &stat)
}
