package sys

import (
	"syscall"
	"time"
	"unsafe"
)

type openHow struct{ flags, mode, resolve uint64 }

// OpenBeneath opens a whole path, without following any symbolic link on the way: openat2(2).
func OpenBeneath(path string, flags int) (FD, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	how := openHow{flags: uint64(flags | syscall.O_CLOEXEC), resolve: ResolveNoSymlinks}
	at := AtFdCwd
	fd, err := call(sysOpenat2, uintptr(at), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
	if err != nil {
		return -1, err
	}
	return FD(fd), nil
}

// Renameat renames within or between directories, with RENAME_* flags.
func Renameat(from FD, name string, to FD, newName string, flags int) error {
	a, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	b, err := syscall.BytePtrFromString(newName)
	if err != nil {
		return err
	}
	_, err = call(sysRenameat2, uintptr(from), uintptr(unsafe.Pointer(a)), uintptr(to), uintptr(unsafe.Pointer(b)), uintptr(flags), 0)
	return err
}

// Linkat gives the file at path, in or relative to from, a further name.
func Linkat(from FD, path string, to FD, name string, flags int) error {
	a, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	b, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, err = call(syscall.SYS_LINKAT, uintptr(from), uintptr(unsafe.Pointer(a)), uintptr(to), uintptr(unsafe.Pointer(b)), uintptr(flags), 0)
	return err
}

// Symlinkat makes a symbolic link.
func Symlinkat(target string, dir FD, name string) error {
	a, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	b, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, err = call(syscall.SYS_SYMLINKAT, uintptr(unsafe.Pointer(a)), uintptr(dir), uintptr(unsafe.Pointer(b)), 0, 0, 0)
	return err
}

// Unlinkat removes a name; AT_REMOVEDIR for a directory's.
func Unlinkat(dir FD, name string, flags int) error {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, err = call(syscall.SYS_UNLINKAT, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(flags), 0, 0, 0)
	return err
}

// Mkdirat makes a directory.
func Mkdirat(dir FD, name string, mode uint32) error { return syscall.Mkdirat(int(dir), name, mode) }

// Readlinkat gives a symbolic link's target; with an empty name, that of the link which dir itself is.
func Readlinkat(dir FD, name string) (string, error) {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return "", err
	}
	buffer := make([]byte, 4096) // PATH_MAX: no longer target can be made
	n, err := call(syscall.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// Chownat changes the owner of a name without following it; with an empty name, of the descriptor's file. -1 keeps.
func Chownat(dir FD, name string, uid, gid int) error {
	return syscall.Fchownat(int(dir), name, uid, gid, AtSymlinkNoFoll|AtEmptyPath)
}

// Chmod sets the permission bits of a descriptor's file, also of one opened with O_PATH.
func Chmod(fd FD, mode uint32) error {
	err := syscall.Fchmod(int(fd), mode)
	if err == syscall.EBADF {
		err = syscall.Chmod(fd.Link(), mode)
	}
	return err
}

// Fsync makes a file or a directory durable.
func Fsync(fd FD) error {
	_, err := call(syscall.SYS_FSYNC, uintptr(fd), 0, 0, 0, 0, 0)
	return err
}

// Syncfs makes the whole file system of a descriptor durable.
func Syncfs(fd FD) error {
	_, err := call(sysSyncfs, uintptr(fd), 0, 0, 0, 0, 0)
	return err
}

// Flock takes or gives a lock on an open file.
func Flock(fd FD, how int) error {
	_, err := call(syscall.SYS_FLOCK, uintptr(fd), uintptr(how), 0, 0, 0, 0)
	return err
}

// Written says whether anybody has a file open for writing, or mapped so; false, too, where that cannot be known. The kernel grants a
// read lease (fcntl(2)) only on what nobody has; who opens it in the moment until it is given back waits for that.
func Written(fd FD) bool {
	if _, err := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETLEASE, syscall.F_RDLCK, 0, 0, 0); err != nil {
		return err == syscall.EAGAIN
	}
	_, _ = call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETLEASE, syscall.F_UNLCK, 0, 0, 0)
	return false
}

// Memfd makes a file in memory.
func Memfd(name string) (FD, error) {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	const cloexec = 1
	fd, err := call(sysMemfdCreate, uintptr(unsafe.Pointer(p)), cloexec, 0, 0, 0, 0)
	if err != nil {
		return -1, err
	}
	return FD(fd), nil
}

// Handle is a file's identity as the kernel gives it out, type and bytes.
type Handle struct {
	Type  int32
	Bytes string
}

// HandleOf gives the handle of the file at path, relative to dir; flags may have AT_HANDLE_FID.
func HandleOf(dir FD, path string, flags int) (Handle, error) {
	p, err := syscall.BytePtrFromString(path)
	if err != nil {
		return Handle{}, err
	}
	var handle struct {
		size  uint32
		kind  int32
		bytes [128]byte // MAX_HANDLE_SZ
	}
	handle.size = uint32(len(handle.bytes))
	var mount int32
	_, err = call(sysNameToHandleAt, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&handle)), uintptr(unsafe.Pointer(&mount)), uintptr(flags), 0)
	if err != nil {
		return Handle{}, err
	}
	return Handle{handle.kind, string(handle.bytes[:handle.size])}, nil
}

// Readable waits until a descriptor can be read from, or has come to its end; false when the time is over.
func Readable(fd int, patience time.Duration) bool {
	const pollIn = 0x1
	until := time.Now().Add(patience)
	for {
		poll := struct {
			fd              int32
			events, revents int16
		}{fd: int32(fd), events: pollIn}
		left := syscall.NsecToTimespec(int64(max(0, time.Until(until))))
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&left)), 0, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0 && n == 1
		}
	}
}
