package account

import (
	"context"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/systemd"
)

// lingerers has a file by the name of each user whose manager of units runs without a login. It is logind's.
const lingerers = "/var/lib/systemd/linger/"

func lingers(name string) bool { return exists(lingerers + name) }

// relingers says whether a user is to linger who does not, or the other way round.
func (w *wantedUser) relingers(name string) bool { return w.lingerSaid && w.linger != lingers(name) }

// lingering is what keeps that from being changed.
func (w *wantedUser) lingering(s *search, name string) {
	if w.relingers(name) && systemd.Lacking() != nil {
		s.add(fault.New(fault.NoSystemd, "this target was not booted with systemd: nobody lingers on it"))
	}
}

// setLinger has logind begin or end it. What it begins runs at once; what it ends, some ten seconds after the last login.
func (f *family) setLinger(ctx context.Context, name string, on bool) error {
	verb := "disable-linger"
	if on {
		verb = "enable-linger"
	}
	return f.run(ctx, []string{"loginctl", verb, name}, nil)
}
