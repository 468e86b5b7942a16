package account

import (
	"io"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
)

const (
	directory = ".ssh"
	fileName  = "authorized_keys"
	maxKeys   = 1 << 20 // bytes
	// others: what sshd refuses in the mode of a file of keys, and of its directory.
	others = 0o022
)

// keyFile is the file of a user's authorized keys, as the user sees it. It is for one thread.
type keyFile struct {
	user *user
	dir  sys.FD // of .ssh; -1 while there is none

	content string
	mode    uint32 // of the file; 0 where there is none
	dirMode uint32
}

func (f *keyFile) path() string { return f.user.place + "/" + directory + "/" + fileName }

func (f *keyFile) close() {
	if f.dir >= 0 {
		f.dir.Close()
	}
}

// open goes to the file, and reads it. No link of the user is followed, and nothing that belongs to somebody else but root is taken for the
// user's.
func (f *keyFile) open() error {
	f.dir = -1
	if f.user.place == "" {
		return fault.New(fault.NotFound, "%s has no home: %q is none", f.user.name, f.user.home)
	}
	home, err := walk.Directory(f.user.place)
	if err != nil {
		return err
	}
	defer home.Close()
	if err := f.belongs(home, f.user.place, syscall.S_IFDIR, nil); err != nil {
		return err
	}
	at := f.user.place + "/" + directory
	dir, err := sys.Openat(home, directory, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err == syscall.ENOENT {
		return nil
	}
	if err != nil {
		return fault.From(err, at)
	}
	f.dir = dir
	if err := f.belongs(dir, at, syscall.S_IFDIR, &f.dirMode); err != nil {
		return err
	}
	file, err := sys.Openat(dir, fileName, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch err {
	case nil:
	case syscall.ENOENT:
		return nil
	case syscall.ELOOP:
		return fault.New(fault.NotTheirs, "%s is a symbolic link, which is not followed", f.path())
	default:
		return fault.From(err, f.path())
	}
	defer file.Close()
	if err := f.belongs(file, f.path(), syscall.S_IFREG, &f.mode); err != nil {
		return err
	}
	buffer := make([]byte, maxKeys+1)
	n, err := io.ReadFull(file, buffer)
	if n > maxKeys {
		return fault.New(fault.NotTheirs, "%s has more than %d bytes", f.path(), maxKeys)
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fault.From(err, f.path())
	}
	f.content = string(buffer[:n])
	return nil
}

// belongs sees that something is of a type, and the user's or root's.
func (f *keyFile) belongs(fd sys.FD, path string, kind uint32, mode *uint32) error {
	stat, err := sys.Fstat(fd)
	switch {
	case err != nil:
		return fault.From(err, path)
	case stat.Is(syscall.S_IFLNK):
		return fault.New(fault.NotTheirs, "%s is a symbolic link, which is not followed", path)
	case !stat.Is(kind):
		return fault.New(fault.WrongType, "%s is something else than a file of keys in a directory", path)
	case stat.UID != 0 && stat.UID != f.user.uid:
		return fault.New(fault.NotTheirs, "%s belongs to the user %d, and not to %s", path, stat.UID, f.user.name)
	}
	if mode != nil {
		*mode = stat.Mode & 0o7777
	}
	return nil
}

// loose says whether others could write there: sshd lets nobody in by such a file.
func (f *keyFile) loose() bool { return (f.mode|f.dirMode)&others != 0 }

// state is what `expect` compares.
func (f *keyFile) state() string {
	if f.mode == 0 && f.content == "" {
		return digest.Of([]byte(`["absent"]`)).String()
	}
	return digest.Of([]byte(f.content)).String()
}

// write puts a content in the file's place, and makes what is missing around it.
func (f *keyFile) write(host *command.Host, content string) error {
	at := f.user.place + "/" + directory
	if f.dir < 0 {
		home, err := walk.Directory(f.user.place)
		if err != nil {
			return err
		}
		defer home.Close()
		if err := sys.Mkdirat(home, directory, 0o700); err != nil && err != syscall.EEXIST {
			return fault.From(err, at)
		}
		f.close()
		if err := f.open(); err != nil {
			return err
		}
		if f.dir < 0 {
			return fault.New(fault.Conflict, "%s has gone meanwhile", at)
		}
		if err := syncDirectory(home); err != nil {
			return fault.From(err, f.user.place)
		}
	}
	if f.dirMode&others != 0 {
		if err := sys.Chmod(f.dir, f.dirMode&^others); err != nil {
			return fault.From(err, at)
		}
	}
	mode := uint32(0o600)
	if f.mode != 0 {
		mode = f.mode &^ others
	}
	draft, err := host.Temps.Create(f.dir)
	if err != nil {
		return fault.From(err, f.path())
	}
	defer draft.Close()
	for rest := []byte(content); len(rest) > 0; {
		n, err := syscall.Write(int(draft.FD), rest)
		if err != nil {
			return fault.From(err, f.path())
		}
		rest = rest[n:]
	}
	err = sys.Chmod(draft.FD, mode)
	if err == nil {
		err = sys.Fsync(draft.FD)
	}
	if err == nil {
		err = draft.Replace(fileName)
	}
	if err == nil {
		err = syncDirectory(f.dir)
	}
	if err != nil {
		return fault.From(err, f.path())
	}
	return nil
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir sys.FD) error {
	open, err := sys.Openat(dir, ".", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer open.Close()
	if err := sys.Fsync(open); err != syscall.EINVAL {
		return err
	}
	return nil
}
