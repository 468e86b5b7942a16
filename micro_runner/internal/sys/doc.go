// Package sys is the system calls that the runner needs and that the standard library does not offer, or offers only by path.
//
// Invariant: each function is one system call, repeated on EINTR, with its errno as error. It decides nothing.
package sys

import (
	"io"
	"os"
	"strconv"
	"syscall"
)

// Flags that package syscall lacks.
const (
	AtFdCwd         = -100
	AtSymlinkNoFoll = 0x100
	AtRemoveDir     = 0x200
	AtSymlinkFollow = 0x400
	AtEmptyPath     = 0x1000
	AtHandleFid     = 0x200

	OPath    = 0x200000
	OTmpfile = 0x400000 | syscall.O_DIRECTORY

	ResolveNoSymlinks = 0x04

	RenameNoReplace = 1
)

// FD is an open descriptor.
type FD int

// Close closes it. There is nothing that one could do about an error: what must be durable was synced before.
func (fd FD) Close() { _ = syscall.Close(int(fd)) }

// Read makes a descriptor an io.Reader. Unlike a File it asks the kernel nothing else, which counts where files are small and many.
func (fd FD) Read(buffer []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n == 0 && len(buffer) > 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// Link is the path through which a descriptor's file can be reached, also one opened with O_PATH.
func (fd FD) Link() string { return "/proc/self/fd/" + strconv.Itoa(int(fd)) }

// call repeats a system call on EINTR. Its arguments may be converted pointers: the directive keeps what they point to
// alive and in its place.
//
//go:uintptrescapes
func call(number uintptr, a, b, c, d, e, f uintptr) (uintptr, error) {
	for {
		result, _, errno := syscall.Syscall6(number, a, b, c, d, e, f)
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			return 0, errno
		}
		return result, nil
	}
}

// Openat opens a name in a directory; O_CLOEXEC is implied.
func Openat(dir FD, name string, flags int, mode uint32) (FD, error) {
	for {
		fd, err := syscall.Openat(int(dir), name, flags|syscall.O_CLOEXEC, mode)
		if err != syscall.EINTR {
			return FD(fd), err
		}
	}
}

// File makes an os.File of a descriptor, which then owns it.
func (fd FD) File(name string) *os.File { return os.NewFile(uintptr(fd), name) }
