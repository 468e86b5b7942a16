package watch

import (
	"context"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/wire"
)

// Schemes are those whose subjects can be watched on this host.
func Schemes() []string {
	if systemd.Lacking() != nil {
		return []string{"mount", "path"}
	}
	return []string{"mount", "path", "unit"}
}

// units is what is heard of units by one watch command. That of systemd tells by itself; the loop only says how well is watched.
type units struct {
	names    []string
	follower systemd.Followers
}

// followUnits begins to hear of the units that are wanted, if there are any; what cannot be heard of is unknown then.
func followUnits(ctx context.Context, host *command.Host, l *loop, all *wanted, emit func(string, wire.Object)) *units {
	u := &units{names: all.units}
	if len(all.units) == 0 {
		return u
	}
	tell := func(unit string, at time.Time, by evidence.Evidence) {
		change := wire.Object{wire.F("at_ms", at.UnixMilli()), wire.F("by", by.Value()), wire.F("subject", "unit:"+unit)}
		emit("changed", wire.Object{wire.F("changes", wire.Array{change}), wire.F("overflow", false)})
	}
	lacking := func(why string) {
		l.do(func() {
			l.silent = why
			l.progress()
		})
	}
	follower, err := host.Systemd.Follow(ctx, all.units, host.Names, tell, lacking)
	if err != nil {
		u.names = nil
		for _, unit := range all.units {
			if user, _ := systemd.Cut(unit); user == "" {
				all.unknown["unit:"+unit] = err.Error()
			} else {
				u.names = append(u.names, unit)
			}
		}
	}
	u.follower = follower
	return u
}

func (u *units) stop() {
	if u != nil {
		u.follower.Stop()
	}
}
