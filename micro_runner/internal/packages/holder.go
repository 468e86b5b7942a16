package packages

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/wire"
)

// look says which package manager there is, who is at work with it, and whether that was cut off.
func (m *manager) look(ctx context.Context, call *command.Call) (wire.Array, error) {
	return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) {
		if _, err := m.library.database(); err != nil {
			return nil, err
		}
		if why, _ := execute.Lacks("apt-get", "/", nil); why != nil {
			return nil, noApt(why)
		}
		reply := wire.Object{wire.F("manager", "apt"), wire.F("stale", m.apt.stale()), wire.F("interrupted", m.interrupted())}
		if holder := m.holder(); holder != nil {
			reply = append(reply, wire.F("holder", holder))
		}
		return reply, nil
	})
}

// interrupted: dpkg keeps what it is doing in a journal, which it clears in the end.
func (m *manager) interrupted() bool {
	entries, _ := os.ReadDir(m.library.places.dpkg("updates"))
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil {
			return true
		}
	}
	return false
}

// holder is who holds one of the locks, if anybody does.
func (m *manager) holder() wire.Object {
	root := m.library.places.root
	for _, path := range []string{m.library.places.dpkg("lock-frontend"), m.library.places.dpkg("lock"), root + "/var/lib/apt/lists/lock", root + "/var/cache/apt/archives/lock"} {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		err = syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock)
		_ = file.Close()
		if err != nil || lock.Type == syscall.F_UNLCK {
			continue
		}
		reply := wire.Object{wire.F("lock", path)}
		if lock.Pid > 0 {
			name, _ := os.ReadFile("/proc/" + strconv.Itoa(int(lock.Pid)) + "/comm")
			reply = append(reply, wire.F("command", strings.TrimSpace(string(name))), wire.F("pid", int64(lock.Pid)))
		}
		return reply
	}
	return nil
}
