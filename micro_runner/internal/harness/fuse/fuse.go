// Package fuse mounts a file system for tests that can do little: one directory of files in memory, which belong to root, have the mode
// that it gives them, and can neither be linked nor exchanged. What reads a file can be held up.
package fuse

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// The operations of fuse(4) that are answered otherwise than by ENOSYS.
const (
	opLookup     = 1
	opForget     = 2
	opGetattr    = 3
	opSetattr    = 4
	opUnlink     = 10
	opRename     = 12
	opLink       = 13
	opOpen       = 14
	opRead       = 15
	opWrite      = 16
	opStatfs     = 17
	opRelease    = 18
	opFsync      = 20
	opFlush      = 25
	opInit       = 26
	opOpendir    = 27
	opReaddir    = 28
	opReleasedir = 29
	opFsyncdir   = 30
	opCreate     = 35
	opInterrupt  = 36
	opForgets    = 42

	root      = 1
	mode      = 0o755
	maxWrite  = 1 << 16
	setsOwner = 1 | 2 | 4 // FATTR_MODE, _UID, _GID
	setsSize  = 8
)

var order = binary.LittleEndian

// System is one that is mounted.
type System struct {
	Directory string

	fd    int
	mu    sync.Mutex
	names map[string]uint64
	files map[uint64][]byte
	next  uint64
	held  chan struct{}
	all   bool // not only reads are
	waits chan struct{}
}

// Mount mounts one, until the test ends, and skips it where that cannot be done.
func Mount(t testing.TB) *System {
	t.Helper()
	fd, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("/dev/fuse: %v", err)
	}
	s := &System{Directory: t.TempDir(), fd: fd, names: map[string]uint64{}, files: map[uint64][]byte{}, next: root + 1, waits: make(chan struct{}, 100)}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := syscall.Mount("froyo-test", s.Directory, "fuse", 0, options); err != nil {
		syscall.Close(fd)
		t.Skipf("mount: %v", err)
	}
	var served sync.WaitGroup
	served.Go(s.serve)
	t.Cleanup(func() {
		s.Release()
		_ = syscall.Unmount(s.Directory, syscall.MNT_DETACH)
		served.Wait()
		syscall.Close(fd)
	})
	return s
}

// Hold keeps who reads a file waiting, until Release; Held tells of each who does.
func (s *System) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = make(chan struct{})
}

// Hang keeps whoever asks for anything waiting, until Release: it is as if there were no server any more.
func (s *System) Hang() {
	s.Hold()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = true
}

// Held gives something for each read that is kept waiting.
func (s *System) Held() <-chan struct{} { return s.waits }

// Release lets all of them go on.
func (s *System) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held != nil {
		close(s.held)
		s.held, s.all = nil, false
	}
}

func (s *System) serve() {
	buffer := make([]byte, maxWrite+8192)
	for {
		n, err := syscall.Read(s.fd, buffer)
		if err == syscall.EINTR || err == syscall.ENOENT || err == syscall.EAGAIN {
			continue
		}
		if err != nil {
			return // ENODEV: it is not mounted any more
		}
		in := bytes.Clone(buffer[:n])
		op, unique, node := order.Uint32(in[4:]), order.Uint64(in[8:]), order.Uint64(in[16:])
		if op == opForget || op == opForgets || op == opInterrupt {
			continue
		}
		s.mu.Lock()
		held, all := s.held, s.all
		s.mu.Unlock()
		if held != nil && (all || op == opRead) {
			go func() {
				s.waits <- struct{}{}
				<-held
				out, errno := s.answer(op, node, in[40:])
				s.reply(unique, errno, out)
			}()
			continue
		}
		out, errno := s.answer(op, node, in[40:])
		s.reply(unique, errno, out)
	}
}

func (s *System) reply(unique uint64, errno syscall.Errno, out []byte) {
	if errno != 0 {
		out = nil
	}
	head := order.AppendUint32(nil, uint32(16+len(out)))
	head = order.AppendUint32(head, uint32(-int32(errno)))
	head = order.AppendUint64(head, unique)
	_, _ = syscall.Write(s.fd, append(head, out...))
}

func (s *System) answer(op uint32, node uint64, in []byte) ([]byte, syscall.Errno) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case opInit:
		return pack(uint32(7), uint32(31), uint32(0), uint32(0), uint32(0), uint32(maxWrite), uint32(1), make([]byte, 36)), 0
	case opLookup:
		found, ok := s.names[text(in)]
		if !ok {
			return nil, syscall.ENOENT
		}
		return s.entry(found), 0
	case opGetattr:
		return append(pack(uint64(0), uint64(0)), s.attributes(node)...), 0
	case opSetattr:
		if valid := order.Uint32(in); valid&setsOwner != 0 {
			return nil, syscall.EPERM
		} else if valid&setsSize != 0 {
			s.files[node] = slices.Grow(s.files[node], int(order.Uint64(in[16:])))[:order.Uint64(in[16:])]
		}
		return append(pack(uint64(0), uint64(0)), s.attributes(node)...), 0
	case opCreate:
		name := text(in[16:])
		if _, there := s.names[name]; !there {
			s.names[name] = s.next
			s.next++
		}
		return append(s.entry(s.names[name]), make([]byte, 16)...), 0
	case opUnlink:
		delete(s.names, text(in))
		return nil, 0
	case opRename:
		old := text(in[8:])
		fresh := text(in[8+len(old)+1:])
		s.names[fresh] = s.names[old]
		delete(s.names, old)
		return nil, 0
	case opLink:
		return nil, syscall.EPERM
	case opOpen, opOpendir:
		return make([]byte, 16), 0
	case opRead:
		return s.slice(node, in), 0
	case opWrite:
		offset, size := order.Uint64(in[8:]), order.Uint32(in[16:])
		end := offset + uint64(size)
		content := s.files[node]
		if uint64(len(content)) < end {
			content = append(content, make([]byte, end-uint64(len(content)))...)
		}
		copy(content[offset:], in[40:40+size])
		s.files[node] = content
		return pack(size, uint32(0)), 0
	case opReaddir:
		return s.list(order.Uint64(in[8:])), 0
	case opStatfs:
		return make([]byte, 80), 0
	case opRelease, opReleasedir, opFlush, opFsync, opFsyncdir:
		return nil, 0
	}
	return nil, syscall.ENOSYS
}

func (s *System) slice(node uint64, in []byte) []byte {
	content := s.files[node]
	from := min(order.Uint64(in[8:]), uint64(len(content)))
	return content[from:min(from+uint64(order.Uint32(in[16:])), uint64(len(content)))]
}

func (s *System) list(from uint64) []byte {
	if from > 0 {
		return nil
	}
	var out []byte
	for name, node := range s.names {
		out = append(out, pack(node, uint64(1), uint32(len(name)), uint32(8))...)
		out = append(out, name...)
		out = append(out, make([]byte, (8-len(name)%8)%8)...)
	}
	return out
}

func (s *System) entry(node uint64) []byte {
	return append(pack(node, uint64(0), uint64(0), uint64(0), uint64(0)), s.attributes(node)...)
}

func (s *System) attributes(node uint64) []byte {
	kind, size := uint32(syscall.S_IFREG), uint64(len(s.files[node]))
	if node == root {
		kind = syscall.S_IFDIR
	}
	return pack(node, size, size/512+1, make([]byte, 36), kind|mode, uint32(1), uint32(0), uint32(0), uint32(0), uint32(4096), uint32(0))
}

func text(in []byte) string {
	name, _, _ := bytes.Cut(in, []byte{0})
	return string(name)
}

func pack(values ...any) []byte {
	var out []byte
	for _, value := range values {
		switch value := value.(type) {
		case uint32:
			out = order.AppendUint32(out, value)
		case uint64:
			out = order.AppendUint64(out, value)
		case []byte:
			out = append(out, value...)
		}
	}
	return out
}
