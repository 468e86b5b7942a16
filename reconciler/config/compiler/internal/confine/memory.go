package confine

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// TooMuch is what the process ends with when it takes more memory than it may.
const TooMuch = 5

// looks is how often memory is looked at: a program takes some hundred megabytes a second at most.
const looks = 20 * time.Millisecond

// Memory ends the process when it has taken so many bytes. A little below that, garbage is collected more and more often.
//
// The kernel's limit is the caller's, and lies above: a program that is refused memory dies of that in ways which nobody
// can tell from others.
func Memory(most uint64) {
	debug.SetMemoryLimit(int64(most / 4 * 3))
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	go func() {
		for range time.Tick(looks) {
			metrics.Read(samples)
			if samples[0].Value.Uint64()-samples[1].Value.Uint64() > most {
				os.Exit(TooMuch)
			}
		}
	}()
}
