package obstacle

import (
	"syscall"

	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/wire"
)

// Loses lists what a regular file would lose on its way to what is wanted, which neither its content nor its owner and mode show: its other
// names, which go on standing for the old content, and its capabilities.
func (w *Wanted) Loses(dir sys.FD, name string, there *entry.Entry, names *owner.Names) (lost wire.Array) {
	change := w.of(there, names)
	if w.kind != entry.File || there.Type != entry.File || change != replace && change != adjust {
		return nil
	}
	if change == replace && there.Stat.Nlink > 1 {
		lost = append(lost, "names")
	}
	if (change == replace || w.givesAway(there, names) || w.regroups(there, names)) && capable(dir, name, &there.Stat) {
		lost = append(lost, "capabilities")
	}
	return lost
}

// capable says whether a program has capabilities of its own.
func capable(dir sys.FD, name string, stat *sys.Stat) bool {
	fd, err := sys.Openat(dir, name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer fd.Close()
	now, err := sys.Fstat(fd)
	if err != nil || !now.Same(stat) {
		return false
	}
	_, err = sys.Xattr(fd.Link(), "security.capability")
	return err == nil
}
