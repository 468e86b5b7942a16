package session

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/wire"
)

// writer sends frames, each in one write, from any goroutine.
type writer struct {
	mu     sync.Mutex
	out    io.Writer
	failed func(error)
	broken bool
	spoke  atomic.Int64 // when a frame was last sent, nanoseconds of the monotonic clock since began
	began  time.Time
}

func newWriter(out io.Writer, failed func(error)) *writer {
	return &writer{out: out, failed: failed, began: time.Now()}
}

// send gives false when the frame is too large to be one. An error of the stream ends the session.
func (w *writer) send(frame wire.Object) bool {
	line := frames.Encode(frame)
	if len(line) > frames.Limit {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return true
	}
	if _, err := w.out.Write(line); err != nil {
		w.broken = true
		w.failed(err)
	}
	w.spoke.Store(int64(time.Since(w.began)))
	return true
}

// beat sends a heartbeat whenever nothing else was sent for so long.
func (w *writer) beat(ctx context.Context, every time.Duration) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		silent := time.Since(w.began) - time.Duration(w.spoke.Load())
		if silent >= every {
			w.send(frames.Beat())
			silent = 0
		}
		timer.Reset(every - silent)
	}
}
