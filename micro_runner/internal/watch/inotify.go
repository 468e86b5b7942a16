package watch

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"syscall"

	"froyo.dev/runner/internal/sys"
)

// inotify(7), for who is not root and for file systems that fanotify refuses. It never knows who.
type inotify struct {
	fd     int
	buffer []byte
}

const (
	inOnlyDir  = 0x01000000
	inMaskAdd  = 0x20000000
	inUnmount  = 0x2000
	inOverflow = 0x4000
	inIgnored  = 0x8000
	inSize     = 16
)

func newInotify() (*inotify, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &inotify{fd: fd, buffer: make([]byte, 64<<10)}, nil
}

func (n *inotify) name() string      { return "inotify" }
func (n *inotify) descriptor() int   { return n.fd }
func (n *inotify) itself(sys.FD) key { return "" }
func (n *inotify) close()            { _ = syscall.Close(n.fd) }

func (n *inotify) mark(dir sys.FD, what uint32) (key, error) {
	wd, err := syscall.InotifyAddWatch(n.fd, dir.Link(), what|inOnlyDir|inMaskAdd)
	if err != nil {
		return "", err
	}
	return watchKey(wd), nil
}

func watchKey(wd int) key { return key(strconv.Itoa(wd)) }

func (n *inotify) unmark(dir key, _ string) {
	wd, _ := strconv.Atoi(string(dir))
	_, _ = syscall.InotifyRmWatch(n.fd, uint32(wd)) // it may be gone already
}

func (n *inotify) read() ([]occurrence, error) {
	var all []occurrence
	for {
		size, err := syscall.Read(n.fd, n.buffer)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN || size == 0:
			return all, nil
		case err != nil:
			return all, err
		}
		all = append(all, parseInotify(n.buffer[:size])...)
		if size < len(n.buffer)/2 {
			return all, nil
		}
	}
}

// parseInotify reads struct inotify_event.
func parseInotify(b []byte) []occurrence {
	var all []occurrence
	for len(b) >= inSize {
		wd, mask := int(int32(binary.NativeEndian.Uint32(b))), binary.NativeEndian.Uint32(b[4:])
		end := inSize + int(binary.NativeEndian.Uint32(b[12:]))
		if end > len(b) {
			return append(all, occurrence{overflow: true})
		}
		name, _, _ := bytes.Cut(b[inSize:end], []byte{0})
		switch {
		case mask&inOverflow != 0:
			all = append(all, occurrence{overflow: true})
		case mask&(inIgnored|inUnmount) != 0:
			all = append(all, occurrence{dir: watchKey(wd), gone: true})
		default:
			all = append(all, occurrence{dir: watchKey(wd), name: string(name), isDir: mask&onDirectory != 0, what: mask & everything})
		}
		b = b[end:]
	}
	return all
}
