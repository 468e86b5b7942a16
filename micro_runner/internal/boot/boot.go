// Package boot is whether a host has to be started anew, what is in the way of that, and that it is: boot.stat and boot.again.
//
// Why a host was started anew is on its own disk before it goes down (note.go): of one cause it is not started anew twice, whoever dies
// meanwhile, since what was asked for under a name, in an earlier boot, has been done.
package boot

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/packages"
	"froyo.dev/runner/internal/wire"
)

const (
	usualTimeout   = 300 * 1000
	longestTimeout = 3600 * 1000
)

// flavoured is a release of a kernel: its version, and what kind of kernel it is.
var flavoured = regexp.MustCompile(`^(\d[\w.+~]*(?:-\d[\w.+~]*)*)(-[a-z].*)?$`)

// host is where all of it is; "" but for tests.
type host struct {
	root  string
	order func(ctx context.Context) error
}

// Commands are both.
func Commands(of *command.Host) []command.Command {
	h := host{order: of.Systemd.Reboot}
	return []command.Command{
		{Name: "boot.stat", Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) { return h.stat() })
		}},
		{Name: "boot.again", Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return h.again(ctx, item) })
		}},
	}
}

func (h *host) line(path string) string {
	text, _ := os.ReadFile(h.root + path)
	return strings.TrimSpace(string(text))
}

func (h *host) stat() (wire.Object, error) {
	boot := h.line("/proc/sys/kernel/random/boot_id")
	if boot == "" {
		return nil, fault.New(fault.NotSupported, "the kernel does not say which boot this is")
	}
	reply := wire.Object{wire.F("boot_id", boot)}
	running := h.line("/proc/sys/kernel/osrelease")
	reply = append(reply, wire.F("kernel", running))
	if newest := h.newest(running); newest != "" {
		reply = append(reply, wire.F("newer", newest))
	}
	if noted := h.noted(); noted.id != "" {
		reply = append(reply, wire.F("last", wire.Object{wire.F("boot_id", noted.boot), wire.F("id", noted.id)}))
		reply = append(reply, wire.F("tried", noted.tried(boot)))
	}
	if within := h.goesWithin(); within > 0 {
		reply = append(reply, wire.F("going_ms", within.Milliseconds()))
	}
	reply = append(reply, wire.F("obstacles", h.obstacles()))
	if info, err := os.Stat(h.root + "/run/reboot-required"); err == nil {
		asked := wire.Object{wire.F("mtime_us", info.ModTime().UnixMicro()), wire.F("packages", h.askers())}
		reply = append(reply, wire.F("required", asked))
	}
	return reply, nil
}

// askers are the packages that have asked for it.
func (h *host) askers() wire.Array {
	names := strings.Fields(h.line("/run/reboot-required.pkgs"))
	slices.Sort(names)
	list := wire.Array{}
	for _, name := range slices.Compact(names) {
		list = append(list, name)
	}
	return list[:min(len(list), 100)]
}

// newest is the installed kernel of the same flavour that is newer than the one that runs, the newest of them; "" where there is none.
func (h *host) newest(running string) string {
	parts := flavoured.FindStringSubmatch(running)
	if parts == nil {
		return ""
	}
	best, name := parts[1], ""
	images, _ := filepath.Glob(h.root + "/boot/vmlinuz-*")
	for _, image := range images {
		release := strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
		found := flavoured.FindStringSubmatch(release)
		if found != nil && found[2] == parts[2] && packages.Compare(found[1], best) > 0 {
			best, name = found[1], release
		}
	}
	return name
}

// obstacles are what is in the way of starting it anew, each with what its going shows by.
func (h *host) obstacles() wire.Array {
	found := wire.Array{}
	if _, err := os.Lstat(h.root + "/run/systemd/system"); err != nil {
		found = append(found, fault.New(fault.NoSystemd, "this host was not booted with systemd, which would have to start it anew").About())
	}
	if h.root == "" && os.Geteuid() != 0 {
		found = append(found, fault.New(fault.Permission, "only root starts a host anew: connect as root, or with `become: sudo`").About())
	}
	if scheduled := h.settings("/run/systemd/shutdown/scheduled"); len(scheduled) > 0 {
		when := ""
		if at, err := strconv.ParseInt(scheduled["USEC"], 10, 64); err == nil {
			when = " for " + time.UnixMicro(at).UTC().Format("2006-01-02 15:04 UTC")
		}
		why := fault.New(fault.Busy, "somebody has scheduled a %s already%s: shutdown -c takes that back", scheduled["MODE"], when)
		found = append(found, why.About("path:/run/systemd/shutdown/scheduled"))
	}
	entries, _ := os.ReadDir(h.root + "/run/systemd/inhibit")
	for _, entry := range entries {
		lock := h.settings("/run/systemd/inhibit/" + entry.Name())
		if lock["MODE"] == "block" && slices.Contains(strings.Split(lock["WHAT"], ":"), "shutdown") {
			why := fault.New(fault.Busy, "%s does not want this host to go down: %s (systemd-inhibit --list)", lock["WHO"], lock["WHY"])
			found = append(found, why.About("path:/run/systemd/inhibit/"+entry.Name()))
		}
	}
	if h.root == "" {
		if who := packages.AtWork(); who != "" {
			found = append(found, fault.New(fault.Busy, "%s is at work on packages", who).About("path:/var/lib/dpkg/status"))
		}
	}
	return found
}

// settings are the lines NAME=VALUE of a file of systemd's.
func (h *host) settings(path string) map[string]string {
	found := map[string]string{}
	if info, err := os.Lstat(h.root + path); err != nil || !info.Mode().IsRegular() {
		return found // beside an inhibitor is the pipe that its holder keeps open
	}
	for line := range strings.Lines(h.line(path)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok {
			found[name] = strings.Trim(value, `"`)
		}
	}
	return found
}

// again starts the host anew, once for each id. The reply of who did it mostly never comes.
func (h *host) again(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	id, expected, causes := a.Text("id"), a.Text("boot_id"), a.Strings("causes")
	timeout := time.Duration(a.Int("timeout_ms", usualTimeout, longestTimeout)) * time.Millisecond
	if !command.IsID(id) {
		a.Fail("id", "not a name of what is to be done")
	}
	if len(causes) > most || slices.ContainsFunc(causes, func(cause string) bool { return !command.IsID(cause) }) {
		a.Fail("causes", "not at most "+strconv.Itoa(most)+" names of what asks for it")
	}
	if a.Err() != nil {
		return nil, a.Err()
	}
	boot := h.line("/proc/sys/kernel/random/boot_id")
	noted := h.noted()
	if noted.isDone(id, causes, boot) {
		return wire.Object{wire.F("boot_id", boot), wire.F("changed", false)}, nil // it was started anew for this
	}
	if expected != "" && expected != boot {
		return nil, fault.New(fault.Conflict, "the host was started anew since it was looked at")
	}
	for _, found := range h.obstacles() {
		obstacle := found.(wire.Object)
		return nil, fault.New(fault.Code(command.Text(obstacle, "code")), "%s", command.Text(obstacle, "message"))
	}
	if err := h.note(noted.next(id, causes, boot)); err != nil {
		return nil, err
	}
	if err := h.goes(timeout); err != nil {
		return nil, err
	}
	if err := h.order(ctx); err != nil {
		h.stays()
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(timeout):
		h.stays()
		return nil, fault.New(fault.Timeout, "the host was to be started anew, and has not gone down within %s", timeout)
	}
}
