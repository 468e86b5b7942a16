package temp

import (
	"errors"
	"strings"
	"sync"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

type inode struct{ dev, ino uint64 }

// Workshop makes temporary files, and knows those which have a name at the moment.
type Workshop struct {
	self maker

	mu     sync.Mutex
	swept  map[inode]bool
	named  map[*Draft]bool
	closed bool

	withNames bool
}

// NewWorkshop makes one for this process.
func NewWorkshop() *Workshop {
	return &Workshop{self: self(), swept: map[inode]bool{}, named: map[*Draft]bool{}}
}

// Named makes the workshop do as if no file system had files without names.
func (w *Workshop) Named() *Workshop {
	w.withNames = true
	return w
}

// Close removes every temporary file that has a name, and lets no other get one. Only for the very end.
func (w *Workshop) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for draft := range w.named {
		_ = sys.Unlinkat(draft.dir, draft.name, 0)
	}
}

var errClosed = fault.New(fault.Cancelled, "the session is over")

func (w *Workshop) register(draft *Draft, extension string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	draft.name = w.newName(extension)
	w.named[draft] = true
	return nil
}

// extend gives a draft that has a name another one, unless its name ends as it should.
func (w *Workshop) extend(draft *Draft, extension string) error {
	if strings.HasSuffix(draft.name, extension) {
		return nil
	}
	w.mu.Lock() // or Close would look for it under a name that it does not have
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	name := w.newName(extension)
	err := sys.Renameat(draft.dir, draft.name, draft.dir, name, 0)
	if err == nil {
		draft.name = name
	}
	return err
}

func (w *Workshop) forget(draft *Draft) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.named, draft)
	draft.name = ""
}

// Draft is a file that is to take a name in a directory.
type Draft struct {
	FD sys.FD

	workshop *Workshop
	dir      sys.FD // the caller's; stays open longer than the draft
	name     string // "" while it has none
}

// Create makes an empty file, for its owner alone, on the directory's file system.
func (w *Workshop) Create(dir sys.FD) (*Draft, error) {
	draft := &Draft{workshop: w, dir: dir}
	fd, err := sys.Openat(dir, ".", sys.OTmpfile|syscall.O_RDWR, 0o600)
	if w.withNames && err == nil {
		fd.Close()
		err = syscall.EOPNOTSUPP
	}
	switch err {
	case nil:
		draft.FD = fd // without a name it needs no lock yet
		return draft, nil
	case syscall.EOPNOTSUPP, syscall.EISDIR, syscall.EINVAL, syscall.ENOENT: // a file system without such files
	default:
		return nil, err
	}
	if err := w.register(draft, ""); err != nil {
		return nil, err
	}
	draft.FD, err = sys.Openat(dir, draft.name, syscall.O_RDWR|syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		w.forget(draft)
		return nil, err
	}
	draft.lock()
	return draft, nil
}

// lock is taken before the draft can have a name, or right with it: who finds the file locked knows that it has an owner. Where there
// are no locks, the name says it.
func (d *Draft) lock() {
	_ = sys.Flock(d.FD, syscall.LOCK_EX|syscall.LOCK_NB)
}

// Seal ends the writing. While a file is open for writing nobody can execute it, neither a validation command nor, once it is live,
// anybody else.
func (d *Draft) Seal() {
	if sealed, err := sys.Openat(sys.AtFdCwd, d.FD.Link(), syscall.O_RDONLY, 0); err == nil { // otherwise there is no /proc
		d.FD.Close()
		d.FD = sealed
	}
	d.lock()
}

// Name gives the draft a temporary name, with an extension unless the name would become too long, and says which. What a draft without a
// name would need one for, it needs just as much where it has had one from the beginning.
func (d *Draft) Name(extension string) (string, error) {
	err := d.take(extension)
	if errors.Is(err, syscall.ENAMETOOLONG) {
		err = d.take("")
	}
	return d.name, err
}

func (d *Draft) take(extension string) error {
	if d.name != "" {
		return d.workshop.extend(d, extension)
	}
	if err := d.workshop.register(d, extension); err != nil {
		return err
	}
	err := link(d.FD, d.dir, d.name)
	if err != nil {
		d.workshop.forget(d)
	}
	return err
}

// link names a file that has no name. Without the capability that it takes to link a descriptor, the way leads through /proc.
func link(fd, dir sys.FD, name string) error {
	err := sys.Linkat(fd, "", dir, name, sys.AtEmptyPath)
	if err == syscall.ENOENT || err == syscall.EPERM {
		err = sys.Linkat(sys.AtFdCwd, fd.Link(), dir, name, sys.AtSymlinkFollow)
	}
	return err
}

// Add gives the draft a name that nobody has yet, and ends it; EEXIST when somebody has.
func (d *Draft) Add(name string) error {
	if d.name == "" {
		if err := link(d.FD, d.dir, name); err != nil {
			return err
		}
		d.Close()
		return nil
	}
	err := sys.Renameat(d.dir, d.name, d.dir, name, sys.RenameNoReplace)
	if err == nil {
		d.workshop.forget(d)
	}
	if err == syscall.EINVAL || err == syscall.ENOSYS { // a file system that cannot: a link does not replace either
		err = sys.Linkat(d.dir, d.name, d.dir, name, 0)
		if err != nil && err != syscall.EEXIST && d.FD >= 0 {
			return d.displace(name)
		}
	}
	if err == nil {
		d.Close()
	}
	return err
}

// displace is Add where there are neither links nor a renaming that replaces nothing: an empty file takes the name, which is for one of
// those who want it only, and gives way to the draft. Somebody who puts something else there in between would lose it.
func (d *Draft) displace(name string) error {
	place, err := sys.Openat(d.dir, name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer place.Close()
	mine, err := sys.Fstat(place)
	if err != nil {
		return err
	}
	if there, err := sys.Statat(d.dir, name); err != nil || !there.Same(&mine) {
		return syscall.EEXIST
	}
	err = d.Replace(name)
	if err != nil {
		if there, failed := sys.Statat(d.dir, name); failed == nil && there.Same(&mine) {
			_ = sys.Unlinkat(d.dir, name, 0)
		}
	}
	return err
}

// Replace gives the draft a name, whoever has it, and ends it.
func (d *Draft) Replace(name string) error {
	const tries = 2 // see linkAge
	for try := 1; ; try++ {
		if _, err := d.Name(""); err != nil {
			return err
		}
		err := sys.Renameat(d.dir, d.name, d.dir, name, 0)
		if err == nil {
			d.workshop.forget(d)
			d.Close()
			return nil
		}
		if d.FD < 0 || try == tries || !errors.Is(err, syscall.ENOENT) {
			return err
		}
		d.workshop.forget(d)
	}
}

// Discard takes the temporary name away, if there is one. The descriptor stays open.
func (d *Draft) Discard() error {
	if d.name == "" {
		return nil
	}
	err := sys.Unlinkat(d.dir, d.name, 0)
	d.workshop.forget(d)
	return err
}

// Close ends it all: without a name by now, nothing remains.
func (d *Draft) Close() {
	_ = d.Discard()
	if d.FD >= 0 {
		d.FD.Close()
		d.FD = -1
	}
}

// Symlink makes a symbolic link under a temporary name, as a draft without a descriptor: Give, Add or Replace, and Close.
func (w *Workshop) Symlink(dir sys.FD, target string) (*Draft, error) {
	draft := &Draft{FD: -1, workshop: w, dir: dir}
	if err := w.register(draft, ""); err != nil {
		return nil, err
	}
	if err := sys.Symlinkat(target, dir, draft.name); err != nil {
		w.forget(draft)
		return nil, err
	}
	return draft, nil
}

// Hardlink gives an existing file of the directory a temporary name, too, as a draft without a descriptor.
func (w *Workshop) Hardlink(dir sys.FD, name string) (*Draft, error) {
	draft := &Draft{FD: -1, workshop: w, dir: dir}
	if err := w.register(draft, ""); err != nil {
		return nil, err
	}
	if err := sys.Linkat(dir, name, dir, draft.name, 0); err != nil {
		w.forget(draft)
		return nil, err
	}
	return draft, nil
}

// Stat looks at what the draft is.
func (d *Draft) Stat() (sys.Stat, error) {
	if d.FD >= 0 {
		return sys.Fstat(d.FD)
	}
	return sys.Statat(d.dir, d.name)
}

// Give sets the owner, if it is another one; -1 keeps.
func (d *Draft) Give(uid, gid int) error {
	if uid < 0 && gid < 0 {
		return nil
	}
	now, err := d.Stat()
	if err != nil {
		return err
	}
	if (uid < 0 || uid == int(now.UID)) && (gid < 0 || gid == int(now.GID)) {
		return nil
	}
	if d.FD >= 0 {
		return sys.Chownat(d.FD, "", uid, gid)
	}
	return sys.Chownat(d.dir, d.name, uid, gid)
}
