package watch

import (
	"encoding/binary"
	"syscall"
	"time"
)

// alertness keeps the processors from falling asleep while a change is being put right. On its way from the one who heard of it to the one who
// decides, and back, it is handed on some ten times, and each time a processor that had nothing to do for a moment has to wake up first: that
// takes a machine at rest longer than the work does, and a virtual one most of all. The kernel has a request for it, the latency that can be
// borne (Documentation/power/pm_qos_interface), which counts for as long as somebody holds it; it is root's to make.
//
// Invariant: a processor at rest is kept awake for at most a quarter of the time, whatever changes.
type alertness struct {
	request func(microseconds int32) bool
	close   func()
	until   time.Time // when what is held is let go
	again   time.Time // when it may be held again
	held    bool
}

const (
	// alertFor is how long a repair takes, with what follows it: what takes longer does not depend on a fraction of a millisecond.
	alertFor = 8 * time.Millisecond
	// drowsyFor is how long nothing is held after that.
	drowsyFor = 3 * alertFor

	latencyDevice = "/dev/cpu_dma_latency"
	noMatter      = -1 // the kernel's PM_QOS_DEFAULT_VALUE, as it is before anything is asked for
)

// newAlertness makes one that asks for nothing where there is no such request to be made.
func newAlertness() *alertness {
	fd, err := syscall.Open(latencyDevice, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return &alertness{request: func(int32) bool { return false }, close: func() {}}
	}
	return &alertness{
		request: func(microseconds int32) bool {
			_, err := syscall.Write(fd, binary.NativeEndian.AppendUint32(nil, uint32(microseconds)))
			return err == nil
		},
		close: func() { _ = syscall.Close(fd) }, // which lets go of what is held
	}
}

// heard takes note that something has changed.
func (a *alertness) heard(now time.Time) {
	if a.held || now.Before(a.again) || !a.request(0) {
		return
	}
	a.held, a.until = true, now.Add(alertFor)
}

// left is how long it is held still; negative: it is not.
func (a *alertness) left(now time.Time) time.Duration {
	if !a.held {
		return -1
	}
	return max(0, a.until.Sub(now))
}

// rest lets go of what was held for long enough.
func (a *alertness) rest(now time.Time) {
	if !a.held || now.Before(a.until) {
		return
	}
	a.request(noMatter)
	a.held, a.again = false, now.Add(drowsyFor)
}
