package boot

import (
	"os"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/private"
)

// going is in root's own directory of the runner, for nobody else starts a host anew: it goes with the boot that is about to end.
const going = "/run/froyo/boot/going"

// uptime is how long ago this boot began: a clock that nobody sets.
func (h *host) uptime() time.Duration {
	first, _, _ := strings.Cut(h.line("/proc/uptime"), " ")
	seconds, _ := strconv.ParseFloat(first, 64)
	return time.Duration(seconds * float64(time.Second))
}

// goes keeps that the host is about to go down, and until when that is believed.
func (h *host) goes(timeout time.Duration) error {
	if h.root == "" {
		if _, err := private.Directory("boot"); err != nil {
			return err
		}
	}
	draft := h.root + going + ".new"
	if err := os.WriteFile(draft, []byte(strconv.FormatInt((h.uptime()+timeout).Milliseconds(), 10)+"\n"), 0o600); err != nil {
		return fault.From(err, going)
	}
	if err := os.Rename(draft, h.root+going); err != nil {
		return fault.From(err, going)
	}
	return nil
}

// stays takes that back.
func (h *host) stays() {
	_ = os.Remove(h.root + going)
}

// goesWithin is how long it is believed for yet that the host is about to go down; 0 where it is not.
func (h *host) goesWithin() time.Duration {
	until, err := strconv.ParseInt(h.line(going), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, time.Duration(until)*time.Millisecond-h.uptime())
}
