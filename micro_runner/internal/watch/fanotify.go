package watch

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"unsafe"

	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
)

// fanotify(7) with FAN_REPORT_DFID_NAME: an event names the directory by the file handle that name_to_handle_at(2) gave when it was
// marked, the name in it, and the process. Nothing is ever opened by handle, which containers may not do.
type fanotify struct {
	fd     int
	buffer []byte
}

const (
	fanCloexec         = 0x1
	fanNonblock        = 0x2
	fanUnlimitedMarks  = 0x20
	fanReportDirFid    = 0x400
	fanReportName      = 0x800
	fanMarkAdd         = 0x1
	fanMarkRemove      = 0x2
	fanMarkOnlyDir     = 0x8
	fanOverflow        = 0x4000
	fanEventOnChild    = 0x08000000
	fanInfoDirNamed    = 2
	fanVersion         = 3
	fanMetadataSize    = 24
	fanInfoHeaderSize  = 4
	fanFsidSize        = 8
	fanHandleStartSize = 8
)

// newFanotify needs CAP_SYS_ADMIN: without it the kernel would not say who it was.
func newFanotify() (*fanotify, error) {
	const flags = fanCloexec | fanNonblock | fanUnlimitedMarks | fanReportDirFid | fanReportName
	fd, _, errno := syscall.Syscall(sys.FanotifyInit, flags, syscall.O_RDONLY|syscall.O_LARGEFILE|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return nil, errno
	}
	return &fanotify{fd: int(fd), buffer: make([]byte, 64<<10)}, nil
}

func (f *fanotify) name() string    { return "fanotify" }
func (f *fanotify) descriptor() int { return f.fd }
func (f *fanotify) close()          { _ = syscall.Close(f.fd) }

func (f *fanotify) mark(dir sys.FD, what uint32) (key, error) {
	k, err := handleKey(dir)
	if err != nil {
		return "", err
	}
	return k, f.change(fanMarkAdd, dir, what)
}

// itself: what happens to a directory's own attributes is told under its own handle, although it is its parent that was marked.
func (f *fanotify) itself(dir sys.FD) key {
	k, _ := handleKey(dir)
	return k
}

// unmark has to find the directory again, since an open descriptor of it would keep its file system from being unmounted.
func (f *fanotify) unmark(dir key, at string) {
	fd, err := walk.Directory(at)
	if err != nil {
		return
	}
	defer fd.Close()
	if now, err := handleKey(fd); err == nil && now == dir {
		_ = f.change(fanMarkRemove, fd, everything)
	}
}

func (f *fanotify) change(how uintptr, dir sys.FD, what uint32) error {
	dot := [2]byte{'.'}
	mask := uint64(what) | onDirectory | fanEventOnChild
	_, _, errno := syscall.Syscall6(sys.FanotifyMark, uintptr(f.fd), how|fanMarkOnlyDir, uintptr(mask), uintptr(dir), uintptr(unsafe.Pointer(&dot[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// handleKey is a directory's file system and handle, in the very bytes that events have.
func handleKey(dir sys.FD) (key, error) {
	var fs syscall.Statfs_t
	if err := syscall.Fstatfs(int(dir), &fs); err != nil {
		return "", err
	}
	handle, err := handleOf(dir)
	if err != nil {
		return "", err
	}
	k := make([]byte, 0, fanFsidSize+fanHandleStartSize+len(handle.Bytes))
	fsid := *(*[2]int32)(unsafe.Pointer(&fs.Fsid))
	k = binary.NativeEndian.AppendUint32(k, uint32(fsid[0]))
	k = binary.NativeEndian.AppendUint32(k, uint32(fsid[1]))
	k = binary.NativeEndian.AppendUint32(k, uint32(len(handle.Bytes)))
	k = binary.NativeEndian.AppendUint32(k, uint32(handle.Type))
	return key(append(k, handle.Bytes...)), nil
}

func handleOf(dir sys.FD) (sys.Handle, error) {
	// Since Linux 6.5 a handle may be had which only serves to be compared: the one that fanotify reports.
	handle, err := sys.HandleOf(dir, "", sys.AtEmptyPath|sys.AtHandleFid)
	if err == syscall.EINVAL {
		handle, err = sys.HandleOf(dir, "", sys.AtEmptyPath)
	}
	return handle, err
}

func (f *fanotify) read() ([]occurrence, error) {
	var all []occurrence
	for {
		n, err := syscall.Read(f.fd, f.buffer)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || n == 0:
			return all, nil
		case err != nil:
			return all, err
		}
		all = append(all, parseFanotify(f.buffer[:n])...)
		if n < len(f.buffer)/2 {
			return all, nil // that was all of it
		}
	}
}

// parseFanotify reads struct fanotify_event_metadata and what follows it. Of what it does not understand it makes an overflow: something
// has happened, and one does not know what.
func parseFanotify(b []byte) []occurrence {
	var all []occurrence
	for len(b) >= fanMetadataSize {
		size := int(binary.NativeEndian.Uint32(b))
		if size < fanMetadataSize || size > len(b) || b[4] != fanVersion || int(binary.NativeEndian.Uint16(b[6:])) > size {
			return append(all, occurrence{overflow: true})
		}
		o := occurrence{
			what: uint32(binary.NativeEndian.Uint64(b[8:])),
			pid:  int(int32(binary.NativeEndian.Uint32(b[20:]))),
		}
		if o.what&fanOverflow != 0 {
			all = append(all, occurrence{overflow: true})
		} else if dir, name, ok := parseInfo(b[binary.NativeEndian.Uint16(b[6:]):size]); ok {
			o.dir, o.name, o.isDir, o.what = dir, name, o.what&onDirectory != 0, o.what&everything
			all = append(all, o)
		}
		b = b[size:]
	}
	return all
}

// parseInfo finds the directory and the name among an event's information records.
func parseInfo(b []byte) (key, string, bool) {
	for len(b) >= fanInfoHeaderSize {
		size := int(binary.NativeEndian.Uint16(b[2:]))
		if size < fanInfoHeaderSize || size > len(b) {
			return "", "", false
		}
		record := b[fanInfoHeaderSize:size]
		if b[0] == fanInfoDirNamed && len(record) >= fanFsidSize+fanHandleStartSize {
			end := fanFsidSize + fanHandleStartSize + int(binary.NativeEndian.Uint32(record[fanFsidSize:]))
			if end > len(record) {
				return "", "", false
			}
			name, _, _ := bytes.Cut(record[end:], []byte{0})
			return key(record[:end]), string(name), true
		}
		b = b[size:]
	}
	return "", "", false
}
