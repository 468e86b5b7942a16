// Package durable makes what was written survive a power failure, as cheaply as a batch of it allows.
//
// Invariant: after Sync has returned without an error for a descriptor, what was done to its file before survives.
package durable

import (
	"context"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/sys"
)

// few is up to how many files of one file system are synced each for itself, at the same time. Beyond it, one syncfs of the whole
// file system costs less, although it writes what others have left to be written, too.
const few = 8

// Files syncs open files, of whatever file systems, and gives an error for each.
func Files(fds []sys.FD) []error {
	errs := make([]error, len(fds))
	groups := map[uint64][]int{}
	for i, fd := range fds {
		stat, err := sys.Fstat(fd)
		if err != nil {
			errs[i] = err
			continue
		}
		groups[stat.Dev] = append(groups[stat.Dev], i)
	}
	for _, group := range groups {
		if len(group) > few {
			err := sys.Syncfs(fds[group[0]])
			for _, i := range group {
				errs[i] = err
			}
			continue
		}
		// It cannot be cancelled: who began to sync waits for it.
		_ = command.Each(context.Background(), len(group), func(i int) {
			errs[group[i]] = sys.Fsync(fds[group[i]])
		})
	}
	return errs
}

// Directories collects the directories in which names have changed, each once.
type Directories struct {
	index map[key]int
	fds   []sys.FD
}

type key struct{ dev, ino uint64 }

// Add notes a directory, known by a descriptor of any kind, and gives its number.
func (d *Directories) Add(dir sys.FD) (int, error) {
	stat, err := sys.Fstat(dir)
	if err != nil {
		return 0, err
	}
	if i, ok := d.index[key{stat.Dev, stat.Ino}]; ok {
		return i, nil
	}
	fd, err := sys.Openat(dir, ".", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil && err != syscall.EACCES { // one that may be written but not read cannot be synced
		return 0, err
	}
	if d.index == nil {
		d.index = map[key]int{}
	}
	d.index[key{stat.Dev, stat.Ino}] = len(d.fds)
	d.fds = append(d.fds, fd)
	return len(d.fds) - 1, nil
}

// Sync syncs and closes them all, and gives an error for each by its number.
func (d *Directories) Sync() []error {
	var open []sys.FD
	for _, fd := range d.fds {
		if fd >= 0 {
			open = append(open, fd)
		}
	}
	synced := Files(open)
	errs := make([]error, len(d.fds))
	for i, j := 0, 0; i < len(d.fds); i++ {
		if d.fds[i] >= 0 {
			errs[i] = synced[j]
			d.fds[i].Close()
			j++
		}
	}
	*d = Directories{}
	return errs
}
