package watch

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// haste is how the kernel schedules the loop's thread. Of a process like `chmod`, which is over within a fraction of a millisecond of what it
// did, /proc tells only if the loop is awake by then: as an ordinary thread it is too late for every fifth, as a real-time one for none. Besides,
// nobody waits for a processor before what has happened is told.
//
// Invariant: what that takes from others is bounded. Once the loop has kept a processor busy for more than a quarter of the time it is an ordinary
// thread again, until it has been calm.
type haste struct {
	set     func(realtime bool) error
	refused bool // not allowed here, or not known
	on      atomic.Bool
	helped  atomic.Int64 // nanoseconds that others have worked since
	since   time.Time    // the beginning of the present period
	spent   time.Duration
	pause   time.Time // when the next try may be
}

const (
	period      = 100 * time.Millisecond
	mostOfIt    = period / 4
	hastePause  = time.Second
	roundRobin  = 2
	resetOnFork = 0x40000000 // what the thread starts is not real-time
)

// lead has the calling thread be in haste; what it returns is to be called after each round of its work.
func (h *haste) lead() (worked func()) {
	used := threadTime()
	return func() {
		before := used
		used = threadTime()
		h.worked(used-before+time.Duration(h.helped.Swap(0)), time.Now())
	}
}

// help has the calling thread work for the one that leads, in as much haste as that is; what it takes counts as that one's.
func (h *haste) help() (worked func()) {
	used, on := threadTime(), false
	follow := func() {
		if h.on.Load() != on && h.set(!on) == nil {
			on = !on
		}
	}
	follow()
	return func() {
		before := used
		used = threadTime()
		h.helped.Add(int64(used - before))
		follow()
	}
}

func newHaste(set func(realtime bool) error) *haste { return &haste{set: set} }

// worked takes note of a round of work, which is over now, and decides about the next one.
func (h *haste) worked(round time.Duration, now time.Time) {
	if now.Sub(h.since) > period {
		h.since, h.spent = now, 0
	}
	h.spent += round
	switch {
	case h.refused:
	case h.on.Load() && h.spent > mostOfIt:
		h.turn(false)
		h.pause = now.Add(hastePause)
	case !h.on.Load() && h.spent <= mostOfIt && !now.Before(h.pause):
		h.turn(true)
	}
}

func (h *haste) turn(on bool) {
	if err := h.set(on); err != nil {
		h.refused = true
		return
	}
	h.on.Store(on)
}

var spared sync.Once

// spareProcessors gives Go's runtime three processors more than there are. It lets as many goroutines run as it has processors, whether the
// kernel lets them or not: a thread that is real-time for the kernel would wait for an ordinary one that has to wait itself.
func spareProcessors() {
	spared.Do(func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 3) })
}

// threadTime is the processor time that the calling thread has used: what it waited for does not count.
func threadTime() time.Duration {
	const clockThreadCPUTime = 3
	var spec syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTime, uintptr(unsafe.Pointer(&spec)), 0)
	return time.Duration(spec.Nano())
}

// schedule is sched_setscheduler(2) for the calling thread.
func schedule(realtime bool) error {
	policy, priority := uintptr(0), int32(0)
	if realtime {
		policy, priority = roundRobin|resetOnFork, 1
	}
	_, _, errno := syscall.Syscall(syscall.SYS_SCHED_SETSCHEDULER, 0, policy, uintptr(unsafe.Pointer(&priority)))
	if errno != 0 {
		return errno
	}
	return nil
}
