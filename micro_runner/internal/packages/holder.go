package packages

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/wire"
)

// recordLock is who holds a lock of fcntl(2) on one of some files.
func recordLock(paths ...string) wire.Object {
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			continue
		}
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		err = syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock)
		_ = file.Close()
		if err == nil && lock.Type != syscall.F_UNLCK {
			return held(path, int(lock.Pid))
		}
	}
	return nil
}

// held names a lock, and the process that has it where that is known.
func held(path string, pid int) wire.Object {
	reply := wire.Object{wire.F("lock", path)}
	if pid > 0 {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		reply = append(reply, wire.F("command", strings.TrimSpace(string(name))), wire.F("pid", int64(pid)))
	}
	return reply
}

// AtWork names who holds dpkg's lock, as whoever changes packages does; "" where nobody does.
func AtWork() string {
	holder := recordLock("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")
	if holder == nil {
		return ""
	}
	name, _ := holder.Get("command")
	if text, ok := name.(string); ok && text != "" {
		return text
	}
	return "somebody"
}
