// Package temp makes the files that become the new content of a path, so that at no instant, and whatever kills the runner, anybody
// sees half a content or finds a temporary file for long.
//
// Invariant: a Draft has no name while it is written, where the file system can do that. It gets one for two consecutive system
// calls (link, rename), or while a validation command needs one. From its first moment until its last, its owner holds a lock on it.
// The name says which process of which boot and process namespace made it. So Sweep knows for certain what nobody will finish any more.
package temp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Prefix begins every temporary file's name.
const Prefix = ".froyo-"

// maker is who made a temporary file.
type maker struct {
	world string // boot and process namespace, hashed
	pid   int
	start uint64 // clock ticks since boot
}

func (m maker) prefix() string { return fmt.Sprintf("%s%s-%x-%x-", Prefix, m.world, m.pid, m.start) }

// makerOf reads .froyo-WORLD-PID-START-NUMBER[.EXTENSION], all of it in hexadecimal digits.
func makerOf(name string) (maker, bool) {
	rest, ok := strings.CutPrefix(name, Prefix)
	if !ok {
		return maker{}, false
	}
	rest, _, _ = strings.Cut(rest, ".")
	parts := strings.Split(rest, "-")
	if len(parts) != 4 || len(parts[0]) != 8 || strings.Trim(strings.Join(parts, ""), "0123456789abcdef") != "" {
		return maker{}, false
	}
	pid, badPID := strconv.ParseInt(parts[1], 16, 32)
	start, badStart := strconv.ParseUint(parts[2], 16, 64)
	return maker{parts[0], int(pid), start}, badPID == nil && badStart == nil && parts[3] != ""
}

func self() maker {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	sum := sha256.Sum256([]byte(string(boot) + namespace))
	pid := os.Getpid()
	start, _ := startOf(pid)
	return maker{hex.EncodeToString(sum[:4]), pid, start}
}

// startOf gives the time at which a process started, in clock ticks since boot: together with its id, that is who it is.
func startOf(pid int) (uint64, bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The second field, in parentheses, may hold anything; the start is the 20th after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return 0, false
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return start, err == nil
}

// living says whether the maker is still at work; only for one of this very boot and namespace.
func (m maker) living() bool {
	start, ok := startOf(m.pid)
	return ok && start == m.start
}

var counter atomic.Uint64

// newName gives a name that nobody has had; the extension, with its dot, may be empty.
func (w *Workshop) newName(extension string) string {
	return w.self.prefix() + strconv.FormatUint(counter.Add(1), 16) + extension
}
