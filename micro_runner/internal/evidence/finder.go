package evidence

import (
	"runtime"
	"syscall"
	"time"

	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
)

const (
	// maxThreads is how many look-ups may be held up at a time: then nobody is looked up until one of them comes to its end.
	maxThreads = 4
	// shyness is how long a process that held one up is not looked up again.
	shyness = time.Minute
	// maxShunned bounds the memory of these.
	maxShunned = 1000
)

// Finder looks processes up on threads of its own. What /proc says of a process can be as slow as that process likes: its command line is
// in its own memory. So a look-up has a deadline, and one that misses it keeps a thread and nothing else: neither who asked, nor the
// look-ups after it.
//
// It is for one goroutine.
type Finder struct {
	root  string
	names *owner.Names
	begin func() (after func())

	idle    *thread
	held    []*thread // by look-ups that have missed their deadlines
	shunned map[int]time.Time
}

// thread is asked, and answers, by pipes: the kernel wakes who waits at one at once, and on whichever processor is free. Go's scheduler
// would have ordinary threads in between, which have to wait for a processor themselves.
type thread struct {
	pid    int
	found  Evidence
	ask    [2]int
	answer [2]int
}

// NewFinder makes one. Each of its threads calls begin first, and what that returns after each look-up.
func NewFinder(names *owner.Names, begin func() (after func())) *Finder {
	return &Finder{root: "/proc", names: names, begin: begin, shunned: map[int]time.Time{}}
}

// Lookup asks about a process, and waits no longer than patience: then only its number is known.
func (f *Finder) Lookup(pid int, patience time.Duration) Evidence {
	unknown := Evidence{PID: pid}
	if pid <= 0 || time.Now().Before(f.shunned[pid]) {
		return unknown
	}
	thread := f.free()
	if thread == nil {
		return unknown
	}
	thread.pid = pid
	thread.signal(thread.ask)
	if thread.answered(patience) {
		return thread.found
	}
	if len(f.shunned) >= maxShunned {
		clear(f.shunned)
	}
	f.shunned[pid] = time.Now().Add(shyness)
	f.held, f.idle = append(f.held, thread), nil
	return unknown
}

// free gives a thread that has nothing to do; nil if there can be none.
func (f *Finder) free() *thread {
	for i, thread := range f.held {
		if !thread.answered(0) {
			continue
		}
		f.held = append(f.held[:i], f.held[i+1:]...) // what it has found is too late for anybody
		if f.idle == nil {
			f.idle = thread
		} else {
			thread.end()
		}
		break
	}
	if f.idle == nil && len(f.held) < maxThreads {
		f.idle = f.start()
	}
	return f.idle
}

// start begins a further thread; nil if there is nothing to begin one with.
func (f *Finder) start() *thread {
	t := &thread{}
	if syscall.Pipe2(t.ask[:], syscall.O_CLOEXEC) != nil {
		return nil
	}
	if syscall.Pipe2(t.answer[:], syscall.O_CLOEXEC) != nil {
		_ = syscall.Close(t.ask[0])
		_ = syscall.Close(t.ask[1])
		return nil
	}
	go t.run(f.root, f.names, f.begin)
	return t
}

// Close ends the threads, those that are held up as soon as they are not any more.
func (f *Finder) Close() {
	for _, thread := range f.held {
		thread.end()
	}
	if f.idle != nil {
		f.idle.end()
	}
	f.held, f.idle = nil, nil
}

func (t *thread) run(root string, names *owner.Names, begin func() (after func())) {
	runtime.LockOSThread() // it ends with the goroutine
	after := begin()
	for wait(t.ask[0]) {
		t.found = lookup(root, t.pid, names)
		t.signal(t.answer)
		after()
	}
	for _, fd := range []int{t.ask[0], t.answer[0], t.answer[1]} {
		_ = syscall.Close(fd)
	}
}

// end has the thread end when it has nothing to do any more.
func (t *thread) end() { _ = syscall.Close(t.ask[1]) }

func (t *thread) signal(pipe [2]int) { _, _ = syscall.Write(pipe[1], []byte{0}) }

// answered takes the answer, if it comes in time.
func (t *thread) answered(patience time.Duration) bool {
	return sys.Readable(t.answer[0], patience) && wait(t.answer[0])
}

// wait takes one signal out of a pipe; false when there will be none.
func wait(fd int) bool {
	var one [1]byte
	for {
		n, err := syscall.Read(fd, one[:])
		if err != syscall.EINTR {
			return n == 1
		}
	}
}
