package systemd

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/sys"
)

const (
	// mostStates bounds what is remembered: more units than a host has.
	mostStates = 10_000
	// longestFile is how much of a file is read whose times do not tell of a change.
	longestFile = 64 << 10
)

// fileStates remembers what the files of units amount to, which systemd finds out by reading all of them for each unit that it is asked about.
//
// Invariant: what is remembered is given only while every directory and file that systemd would read is the one it was, unchanged.
type fileStates struct {
	mu    sync.Mutex
	seen  digest.Sum
	known map[string]string
}

func (f *fileStates) get(seen *digest.Sum, unit string) (state string, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seen == nil || *seen != f.seen {
		return "", false
	}
	state, known = f.known[unit]
	return state, known
}

// put remembers what systemd said after the files were seen.
func (f *fileStates) put(seen *digest.Sum, unit, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seen == nil {
		return
	}
	if f.known == nil || *seen != f.seen || len(f.known) >= mostStates {
		f.seen, f.known = *seen, map[string]string{}
	}
	f.known[unit] = state
}

// survey is what all files of units look like, in the directories of an answer; nil where that would not show each change.
func survey(ctx context.Context, places *dbus.Call) *digest.Sum {
	var value dbus.Variant
	if answer(ctx, places, "unit files", &value) != nil {
		return nil
	}
	return surveyed(texts(value))
}

// surveyed is what the files in some directories look like, in this order.
func surveyed(directories []string) *digest.Sum {
	s := surveyor{from: time.Now(), certain: true, entered: map[sys.Stat]bool{}}
	for _, path := range directories {
		s.directory(path, true)
	}
	if !s.certain {
		return nil
	}
	sum := digest.Sum(sha256.Sum256(s.text))
	return &sum
}

// surveyor gathers what tells the files of one moment from those of another.
type surveyor struct {
	from    time.Time
	text    []byte
	certain bool
	entered map[sys.Stat]bool // two names of one directory are usual
}

// below are the directories in which systemd looks for links and drop-ins of a unit.
var below = []string{".wants", ".requires", ".upholds", ".d"}

// directory takes in a directory with all that is in it, and follows what leads to the content of a file.
func (s *surveyor) directory(path string, follow bool) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		s.text = append(s.text, path+"\x00-"...)
		return
	}
	if err != nil {
		s.certain = false
		return
	}
	defer file.Close()
	fd := sys.FD(file.Fd())
	stat, err := sys.Fstat(fd)
	local, keeps := digest.Local(fd)
	if err != nil || !local {
		s.certain = false
		return
	}
	s.note(path, &stat)
	if s.entered[stat] {
		return
	}
	s.entered[stat] = true
	names, err := file.Readdirnames(-1)
	if err != nil {
		s.certain = false
		return
	}
	slices.Sort(names)
	for _, name := range names {
		stat, err := sys.Statat(fd, name)
		if err != nil {
			s.certain = false
			return
		}
		s.note(name, &stat)
		s.entry(filepath.Join(path, name), &stat, keeps, follow)
	}
}

// entry takes in what is behind a name; follow says whether the content of files counts, and not only that there is one of that name.
func (s *surveyor) entry(path string, stat *sys.Stat, keeps, follow bool) {
	suffix := filepath.Ext(path)
	switch {
	case slices.Contains(below, suffix) && !stat.Is(syscall.S_IFREG):
		s.directory(path, suffix == ".d")
	case !follow:
	case stat.Is(syscall.S_IFLNK):
		s.content(path)
	case stat.Is(syscall.S_IFREG) && !keeps:
		s.content(path)
	}
}

// content takes in the file that a path leads to, by its times where they tell of every change.
func (s *surveyor) content(path string) {
	found, err := os.Stat(path)
	if err != nil || !found.Mode().IsRegular() { // a link to nowhere, or as of what is masked, to a device
		s.text = append(s.text, path+"\x00-"...)
		return
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		s.certain = false
		return
	}
	defer file.Close()
	fd := sys.FD(file.Fd())
	stat, err := sys.Fstat(fd)
	local, keeps := digest.Local(fd)
	s.certain = s.certain && err == nil && local
	s.note(path, &stat)
	if keeps {
		return
	}
	content, err := io.ReadAll(io.LimitReader(file, longestFile+1))
	s.certain = s.certain && err == nil && len(content) <= longestFile
	sum := digest.Of(content)
	s.text = append(s.text, sum[:]...)
}

func (s *surveyor) note(name string, stat *sys.Stat) {
	s.certain = s.certain && digest.Settled(stat, s.from)
	s.text = append(append(s.text, name...), 0)
	for _, number := range []uint64{
		stat.Dev, stat.Ino, uint64(stat.Mode), uint64(stat.Size), uint64(stat.Mtime.Sec), uint64(stat.Mtime.Nsec), uint64(stat.Ctime.Sec), uint64(stat.Ctime.Nsec),
	} {
		s.text = binary.LittleEndian.AppendUint64(s.text, number)
	}
}
