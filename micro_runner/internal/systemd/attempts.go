package systemd

import "time"

const (
	// firstPause and longestPause are how long a unit that failed by itself right after we had started it is left alone.
	firstPause   = 10 * time.Second
	longestPause = 2 * time.Minute
	// forgotten is how long such a failure counts.
	forgotten = 10 * time.Minute
)

// attempt is a start of ours.
type attempt struct {
	at     time.Time
	pause  time.Duration
	lifted bool // something else was changed since: it may go by now
}

// attempt notes that a unit is about to be started, or says how long it is to be left alone: one that fails again and again is not
// started again and again, whatever its own start limit is.
func (b *Bus) attempt(unit string, now Unit, reset bool) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	last, tried := b.attempts[unit]
	if reset || now.Active != "failed" || now.Result == "signal" || now.Result == "success" || tried && time.Since(last.at) > forgotten {
		tried = false
	}
	pause := firstPause
	if tried {
		if wait := last.pause - time.Since(last.at); wait > 0 && !last.lifted {
			return wait
		}
		pause = min(2*last.pause, longestPause)
	}
	b.attempts[unit] = attempt{at: time.Now(), pause: pause}
	return 0
}

// forgive forgets the starts of a unit.
func (b *Bus) forgive(unit string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.attempts, unit)
}

// reconsider has every unit that was left alone started again when that is asked for. One that goes on failing is left alone for longer each
// time all the same.
func (b *Bus) reconsider() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for unit, last := range b.attempts {
		last.lifted = true
		b.attempts[unit] = last
	}
}
