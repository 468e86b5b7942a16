// Package fence keeps out sessions of a controller that no longer has the lease of its store, and does not know yet.
//
// Of each store the highest token that came here is in a file of the runner's user, until the next boot. Beside it is a lock that is shared
// by whoever changes something. A session with a higher token writes it down first, so that those with lower ones begin nothing
// any more, and then waits for what they have begun.
//
// Whoever is stopped while it has one of the locks is waited for no longer than that either: there is no fence then, which is said.
//
// Invariant: nothing is begun under a token once a higher one is on record; and nothing under the higher one while something of a lower one is
// under way, but for what hangs longer than Patience.
package fence

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/private"
)

const (
	// Patience is how long what was begun under a lower token is waited for: a session that ends waits for less.
	Patience = 10 * time.Second
	glance   = 5 * time.Millisecond
	// kept is for how long a token is kept that nobody comes with any more.
	kept = 30 * 24 * time.Hour
)

var patience = Patience

// Fence is what a session has of one. The zero value lets everything pass.
type Fence struct {
	token     int64
	number    *os.File
	work      *os.File
	mu        sync.Mutex
	underWay  int
	notify    *os.File
	directory string // "" but for tests: that of the runner's user
}

// In gives a fence whose files are in a directory.
func In(directory string) *Fence { return &Fence{directory: directory} }

// Claim puts the token of a store on record, unless a higher one is there: then the error says so, and nothing may be changed.
// It returns when nothing of a lower one is under way any more. Passed is called, once, when a higher one comes later.
func (f *Fence) Claim(store string, token int64, passed func(error)) error {
	directory := f.directory
	if directory == "" {
		var err error
		if directory, err = private.Directory("fence"); err != nil {
			return err
		}
	}
	sweep(directory, store)
	number, err := open(filepath.Join(directory, store))
	if err != nil {
		return err
	}
	work, err := open(filepath.Join(directory, store+".work"))
	if err != nil {
		_ = number.Close()
		return err
	}
	raised, err := raise(number, token)
	if err != nil {
		_ = number.Close()
		_ = work.Close()
		return err
	}
	f.mu.Lock()
	f.token, f.number, f.work = token, number, work
	f.mu.Unlock()
	f.watch(number.Name(), passed)
	if raised {
		drain(work)
	}
	return nil
}

// Enter begins a change; what it gives ends it. The error says that a higher token has come.
func (f *Fence) Enter() (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.number == nil {
		return func() {}, nil
	}
	if f.underWay == 0 {
		if err := lock(f.work, syscall.LOCK_SH); err != nil {
			return nil, err
		}
	}
	f.underWay++
	if err := f.check(); err != nil {
		f.leave()
		return nil, err
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.leave()
	}, nil
}

// Close lets go of it. Its files stay, for the token.
func (f *Fence) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range []*os.File{f.notify, f.number, f.work} {
		if file != nil {
			_ = file.Close()
		}
	}
	f.notify, f.number, f.work = nil, nil, nil
}

func (f *Fence) leave() {
	f.underWay--
	if f.underWay == 0 && f.work != nil {
		_ = syscall.Flock(int(f.work.Fd()), syscall.LOCK_UN)
	}
}

func (f *Fence) check() error {
	there, err := newest(f.number)
	if err != nil {
		return err
	}
	return older(f.token, there)
}

// watch calls passed when a higher token comes. Without inotify it is found by the next change that is wanted.
func (f *Fence) watch(path string, passed func(error)) {
	descriptor, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return
	}
	notify := os.NewFile(uintptr(descriptor), "inotify")
	if _, err := syscall.InotifyAddWatch(descriptor, path, syscall.IN_MODIFY); err != nil {
		_ = notify.Close()
		return
	}
	f.mu.Lock()
	f.notify = notify
	err = f.check() // what came before there was a watch
	f.mu.Unlock()
	go func() {
		buffer := make([]byte, 4096)
		for err == nil {
			if _, failed := notify.Read(buffer); failed != nil {
				return
			}
			f.mu.Lock()
			if f.number == nil {
				f.mu.Unlock()
				return
			}
			err = f.check()
			f.mu.Unlock()
		}
		passed(err)
	}()
}

func open(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fault.From(err, path)
	}
	return file, nil
}

// raise puts a token on record, and says whether a lower one was.
func raise(number *os.File, token int64) (bool, error) {
	if err := lock(number, syscall.LOCK_EX); err != nil {
		return false, err
	}
	defer func() { _ = syscall.Flock(int(number.Fd()), syscall.LOCK_UN) }()
	there, err := read(number)
	if err != nil {
		return false, err
	}
	if err := older(token, there); err != nil {
		return false, err
	}
	if there < token {
		if _, err := number.WriteAt([]byte(fmt.Sprintf("%019d\n", token)), 0); err != nil {
			return false, fault.From(err, number.Name())
		}
	}
	now := time.Now()
	_ = os.Chtimes(number.Name(), now, now)
	return there < token, nil
}

func newest(number *os.File) (int64, error) {
	// Another description of the file: locks belong to those, and commands of this session run at the same time.
	own, err := os.Open(number.Name())
	if err != nil {
		return 0, fault.From(err, number.Name())
	}
	defer own.Close()
	if err := lock(own, syscall.LOCK_SH); err != nil {
		return 0, err
	}
	return read(own)
}

func read(number *os.File) (int64, error) {
	text, err := io.ReadAll(io.NewSectionReader(number, 0, 64))
	if err != nil {
		return 0, fault.From(err, number.Name())
	}
	if len(text) == 0 {
		return 0, nil
	}
	token, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fault.New(fault.IO, "%s: it holds no token; remove it", number.Name())
	}
	return token, nil
}

// Passed is that another controller has taken over.
type Passed struct{ ours, theirs int64 }

func (p *Passed) Error() string {
	return fmt.Sprintf("a controller with a newer lease on the same store has come to this target (token %d, ours is %d)", p.theirs, p.ours)
}

func older(ours, theirs int64) error {
	if theirs > ours {
		return &Passed{ours, theirs}
	}
	return nil
}

// drain waits for what is under way.
func drain(work *os.File) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(glance) {
		if syscall.Flock(int(work.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = syscall.Flock(int(work.Fd()), syscall.LOCK_UN)
			return
		}
	}
}

// lock takes a lock of a file. All are held for a moment only, but by who was stopped in it, or means harm.
func lock(file *os.File, how int) error {
	for end := time.Now().Add(patience); ; time.Sleep(glance) {
		switch err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case err != syscall.EWOULDBLOCK && err != syscall.EINTR:
			return fault.From(err, file.Name())
		case time.Now().After(end):
			return fault.New(fault.IO, "%s: another process keeps it locked", file.Name())
		}
	}
}

// sweep removes what no session has come with in a long time, as the clock of this host has it: not what one comes with now, which an
// older session may be at work with, whatever the clock was when that came.
func sweep(directory, but string) {
	entries, _ := os.ReadDir(directory)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && entry.Name() != but && !strings.HasSuffix(entry.Name(), ".work") && time.Since(info.ModTime()) > kept {
			_ = os.Remove(filepath.Join(directory, entry.Name()))
			_ = os.Remove(filepath.Join(directory, entry.Name()+".work"))
		}
	}
}
