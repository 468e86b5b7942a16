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

// File is an open file, and the device that it is on.
type File struct {
	FD  sys.FD
	Dev uint64
}

// Files syncs open files, of whatever file systems, and gives an error for each.
func Files(files []File) []error {
	errs := make([]error, len(files))
	groups := map[uint64][]int{}
	for i, file := range files {
		groups[file.Dev] = append(groups[file.Dev], i)
	}
	for _, group := range groups {
		if len(group) > few {
			err := supported(sys.Syncfs(files[group[0]].FD))
			for _, i := range group {
				errs[i] = err
			}
			continue
		}
		// It cannot be cancelled: who began to sync waits for it.
		_ = command.Each(context.Background(), len(group), func(i int) {
			errs[group[i]] = supported(sys.Fsync(files[group[i]].FD))
		})
	}
	return errs
}

// supported: a file system that has nothing to sync, or cannot sync a directory, has done what it can.
func supported(err error) error {
	if err == syscall.EINVAL || err == syscall.ENOSYS || err == syscall.EOPNOTSUPP {
		return nil
	}
	return err
}

// Directories collects the directories in which names have changed, each once.
type Directories struct {
	index map[key]int
	files []File // with FD -1: cannot be synced
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
	d.index[key{stat.Dev, stat.Ino}] = len(d.files)
	d.files = append(d.files, File{fd, stat.Dev})
	return len(d.files) - 1, nil
}

// Sync syncs and closes them all, and gives an error for each by its number.
func (d *Directories) Sync() []error {
	var open []File
	for _, file := range d.files {
		if file.FD >= 0 {
			open = append(open, file)
		}
	}
	synced := Files(open)
	errs := make([]error, len(d.files))
	for i, file := range d.files {
		if file.FD >= 0 {
			errs[i], synced = synced[0], synced[1:]
			file.FD.Close()
		}
	}
	*d = Directories{}
	return errs
}
