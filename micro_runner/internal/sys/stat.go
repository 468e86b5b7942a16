package sys

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Time is an inode's time, exactly as the file system has it.
type Time struct {
	Sec  int64
	Nsec uint32
}

// Ahead says whether it is still to come.
func (t Time) Ahead() bool { return time.Unix(t.Sec, int64(t.Nsec)).After(time.Now()) }

// Stat is what the kernel says of an inode.
type Stat struct {
	Dev, Ino     uint64
	Mode         uint32 // type and permissions
	UID, GID     uint32
	Nlink        uint32
	Size         int64
	Mtime, Ctime Time
	Immutable    bool // also append-only: neither can be replaced
	AppendOnly   bool // in such a directory, new files can be made
	MountRoot    bool
}

// Is compares the type: syscall.S_IFREG and its kin.
func (s *Stat) Is(kind uint32) bool { return s.Mode&syscall.S_IFMT == kind }

// Same says whether both are the same inode.
func (s *Stat) Same(other *Stat) bool { return s.Dev == other.Dev && s.Ino == other.Ino }

// Unmoved says whether nothing of an inode has changed but, perhaps, the time of the last access.
func (s *Stat) Unmoved(other *Stat) bool {
	return s.Same(other) && s.Size == other.Size && s.Mtime == other.Mtime && s.Ctime == other.Ctime
}

type statxTime struct {
	sec  int64
	nsec uint32
	_    int32
}

type statx struct {
	mask, blksize        uint32
	attributes           uint64
	nlink, uid, gid      uint32
	mode                 uint16
	_                    uint16
	ino, size, blocks    uint64
	attributesMask       uint64
	_, _, ctime, mtime   statxTime
	_, _, devMaj, devMin uint32
	_                    [14]uint64
}

const (
	statxBasic    = 0x7ff
	attrImmutable = 0x10
	attrAppend    = 0x20
	attrMountRoot = 0x2000
)

var withoutStatx atomic.Bool // a kernel or a seccomp filter refuses it

// Statat looks at a name in a directory without following it; with an empty name at the descriptor's own file.
func Statat(dir FD, name string) (Stat, error) {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return Stat{}, err
	}
	if !withoutStatx.Load() {
		var raw statx
		_, err = call(sysStatx, uintptr(dir), uintptr(unsafe.Pointer(p)), AtSymlinkNoFoll|AtEmptyPath, statxBasic, uintptr(unsafe.Pointer(&raw)), 0)
		if err == nil {
			return raw.stat(), nil
		}
		if err != syscall.ENOSYS && err != syscall.EPERM {
			return Stat{}, err
		}
	}
	var old syscall.Stat_t
	_, err = call(sysFstatat, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&old)), AtSymlinkNoFoll|AtEmptyPath, 0, 0)
	if err != nil {
		return Stat{}, err
	}
	withoutStatx.Store(true)
	return Stat{
		Dev: uint64(old.Dev), Ino: old.Ino, Mode: old.Mode, UID: old.Uid, GID: old.Gid, Nlink: uint32(old.Nlink), Size: old.Size,
		Mtime: Time{old.Mtim.Sec, uint32(old.Mtim.Nsec)}, Ctime: Time{old.Ctim.Sec, uint32(old.Ctim.Nsec)},
	}, nil
}

func (raw *statx) stat() Stat {
	return Stat{
		Dev: uint64(raw.devMaj)<<32 | uint64(raw.devMin), Ino: raw.ino,
		Mode: uint32(raw.mode), UID: raw.uid, GID: raw.gid, Nlink: raw.nlink, Size: int64(raw.size),
		Mtime: Time{raw.mtime.sec, raw.mtime.nsec}, Ctime: Time{raw.ctime.sec, raw.ctime.nsec},
		Immutable:  raw.attributes&(attrImmutable|attrAppend) != 0,
		AppendOnly: raw.attributes&(attrImmutable|attrAppend) == attrAppend,
		MountRoot:  raw.attributes&attrMountRoot != 0,
	}
}

// Fstat looks at the file of a descriptor.
func Fstat(fd FD) (Stat, error) { return Statat(fd, "") }
