package systemd

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/owner"
)

// asker finds who has asked systemd for something. It does not say that; but who asks by its program waits for the end of the job, and
// has the unit's name in its command line.
type asker struct {
	searches chan *search
}

type search struct {
	unit string
	by   evidence.Evidence
	done chan struct{}
}

// programs are those by which people ask.
var programs = []string{"systemctl", "busctl", "service", "invoke-rc.d", "deb-systemd-invoke"}

// harmless are the verbs of these by which nothing is asked for that a job is made of.
var harmless = []string{"status", "show", "cat", "help", "is-active", "is-enabled", "is-failed", "list-dependencies", "list-jobs", "list-unit-files", "list-units", "introspect", "get-property", "tree"}

// looking is how long one process may keep its look-up.
const looking = 10 * time.Millisecond

func newAsker(names *owner.Names) *asker {
	a := &asker{searches: make(chan *search, 64)}
	go func() {
		finder := evidence.NewFinder(names, func() func() { return func() {} })
		defer finder.Close()
		for one := range a.searches {
			if pid := AskerOf(one.unit); pid != 0 {
				one.by = finder.Lookup(pid, looking)
			}
			close(one.done)
		}
	}()
	return a
}

// search begins one; nil when there are too many already.
func (a *asker) search(unit string) *search {
	one := &search{unit: unit, done: make(chan struct{})}
	select {
	case a.searches <- one:
		return one
	default:
		return nil
	}
}

// found waits for what was found, but not for long.
func (s *search) found(patience time.Duration) evidence.Evidence {
	by := evidence.Evidence{}
	select {
	case <-s.done:
		by = s.by
	case <-time.After(patience):
	}
	by.Source = Source
	return by
}

func (a *asker) close() { close(a.searches) }

// AskerOf is the newest process that asks about a unit; 0 when there is none.
func AskerOf(unit string) int {
	stem, _, _ := cutLast(unit, ".")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	for _, pid := range slices.Backward(pids) {
		arguments := strings.Split(commandLine(pid), "\x00")
		asks := slices.ContainsFunc(arguments[:min(2, len(arguments))], func(argument string) bool { return slices.Contains(programs, path.Base(argument)) })
		looks := slices.ContainsFunc(arguments, func(argument string) bool { return slices.Contains(harmless, argument) })
		if asks && !looks && (slices.Contains(arguments, unit) || slices.Contains(arguments, stem)) {
			return pid
		}
	}
	return 0
}

// commandLine is the beginning of a process's.
func commandLine(pid int) string {
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	var buffer [1024]byte
	n, err := syscall.Read(fd, buffer[:])
	if err != nil {
		return ""
	}
	return string(buffer[:n])
}
