package sys

import (
	"sync"
	"syscall"
	"unsafe"
)

// Rights of root that others may have one by one: the numbers of capabilities(7).
const (
	CapChown  = 0
	CapFowner = 3
)

// CanWrite says by its error why no entry can be made or removed in a directory: EROFS, EACCES, EPERM where it is immutable.
func CanWrite(dir FD) error {
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return err
	}
	const writeAndSearch = 2 | 1
	const flags = 0x200 | AtEmptyPath // AT_EACCESS: as who one acts, not as who one was started
	_, err = call(sysFaccessat2, uintptr(dir), uintptr(unsafe.Pointer(empty)), writeAndSearch, flags, 0, 0)
	if err == syscall.ENOSYS {
		return syscall.Access(dir.Link(), writeAndSearch)
	}
	return err
}

// ReadOnly says whether nothing of a descriptor's file can be changed, since its file system, or the mount, is read-only.
func ReadOnly(fd FD) bool {
	var stat syscall.Statfs_t
	return syscall.Fstatfs(int(fd), &stat) == nil && stat.Flags&syscall.MS_RDONLY != 0
}

// Capable says whether this process has a right.
func Capable(right int) bool { return effective()>>right&1 != 0 }

var effective = sync.OnceValue(func() uint32 {
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522}
	var data [2]struct{ effective, permitted, inheritable uint32 }
	if _, err := call(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0, 0, 0, 0); err != nil {
		return ^uint32(0) // nobody knows: it is tried
	}
	return data[0].effective
})
