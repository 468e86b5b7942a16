package account

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/systemd"
)

// lingerers has a file by the name of each user whose manager of units runs without a login. It is logind's.
const lingerers = "/var/lib/systemd/linger/"

// leaving is how long the manager of somebody who lingers no longer is waited for; logind gives it ten seconds.
const leaving = 15 * time.Second

// processes is where they are.
var processes = "/proc"

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

// leave waits until the manager of a user who lingers no longer has ended, with all that it runs.
func leave(ctx context.Context, uid uint32) {
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	for managed(uid) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(leaving / 150):
		}
	}
}

// managed says whether all that runs as a user is run by the user's own manager: what a login runs ends with nothing that is waited for.
func managed(uid uint32) bool {
	entries, _ := os.ReadDir(processes)
	found := false
	for _, entry := range entries {
		path := filepath.Join(processes, entry.Name())
		if _, err := strconv.Atoi(entry.Name()); err != nil || !owns(uid, path) {
			continue
		}
		groups, err := os.ReadFile(filepath.Join(path, "cgroup"))
		if err != nil {
			continue // it has ended meanwhile
		}
		if !strings.Contains(string(groups), "/user@"+decimal(uid)+".service") {
			return false
		}
		found = true
	}
	return found
}

// owns says whether a process runs as a user.
func owns(uid uint32, process string) bool {
	stat := syscall.Stat_t{}
	return syscall.Stat(process, &stat) == nil && stat.Uid == uid
}
