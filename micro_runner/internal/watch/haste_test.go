package watch

import (
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestHasteIsBounded(t *testing.T) {
	var asked []bool
	h := newHaste(func(on bool) error {
		asked = append(asked, on)
		return nil
	})
	now := time.Unix(1000, 0)
	round := func(took, later time.Duration) {
		now = now.Add(took + later)
		h.worked(took, now)
	}
	expect := func(want bool, times int) {
		t.Helper()
		if h.on.Load() != want || len(asked) != times {
			t.Fatalf("%v after %v", h.on.Load(), asked)
		}
	}
	expect(false, 0)
	round(0, 0)
	expect(true, 1)
	for range 1000 { // a change every now and then
		round(time.Millisecond, 50*time.Millisecond)
	}
	expect(true, 1)
	for range 100 { // a storm
		round(time.Millisecond, 0)
	}
	expect(false, 2)
	for range 20 {
		round(50*time.Millisecond, 50*time.Millisecond)
	}
	expect(false, 2)
	round(time.Millisecond, time.Second) // calm
	expect(true, 3)
}

func TestHasteIsNotAskedForTwiceWhereItIsRefused(t *testing.T) {
	asked := 0
	h := newHaste(func(bool) error {
		asked++
		return syscall.EPERM
	})
	for i := range 10 {
		h.worked(0, time.Unix(int64(1000+i), 0))
	}
	if h.on.Load() || asked != 1 {
		t.Fatal(h.on.Load(), asked)
	}
}

func TestTheThreadMayBeScheduledEitherWay(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and it ends with the goroutine
		err := schedule(true)
		if err == nil {
			err = schedule(false)
		}
		done <- err
	}()
	if err := <-done; err != nil && !errors.Is(err, syscall.EPERM) {
		t.Fatal(err)
	}
}
