// Package kernel is the settings of the kernel that runs: what is below /proc/sys, and the name of the host.
//
// Invariants: a setting is written only where it says something else. A name leads nowhere but to a file below /proc/sys.
package kernel

import (
	"context"
	"os"
	"regexp"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// hostname is written by a system call of its own, which is allowed also where /proc/sys is read-only.
const hostname = "kernel.hostname"

// maxValue is what a setting can hold.
const maxValue = 4096

var (
	ofSetting = []command.Names{{Argument: "name", Scheme: "sysctl"}}
	shape     = regexp.MustCompile(`^[A-Za-z0-9_:@-]+([./][A-Za-z0-9_:@-]+)+$`)
)

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command { return commandsAt(host, "/proc/sys", readOnly) }

func commandsAt(host *command.Host, root string, fixed func(path string) bool) []command.Command {
	each := func(one func(wire.Object) (wire.Object, error)) func(context.Context, *command.Call) (wire.Array, error) {
		return func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, one)
		}
	}
	k := kernel{host: host, root: root, fixed: fixed}
	return []command.Command{
		{Name: "sysctl.stat", Names: ofSetting, Replays: true, Run: each(k.stat)},
		{Name: "sysctl.set", Names: ofSetting, Writes: true, Run: each(k.set)},
	}
}

type kernel struct {
	host  *command.Host
	root  string
	fixed func(path string) bool
}

// place reads the name of a setting, in which the first of `.` and `/` parts, as for sysctl(8), and the other stands for itself.
func (k kernel) place(a *command.Arguments) (name, path string) {
	name = a.Text("name")
	if !shape.MatchString(name) {
		a.Fail("name", "no setting such as net.ipv4.ip_forward")
		return name, ""
	}
	if parted := strings.IndexAny(name, "./"); name[parted] == '.' {
		return name, k.root + "/" + strings.NewReplacer(".", "/", "/", ".").Replace(name)
	}
	return name, k.root + "/" + name
}

func (k kernel) stat(item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name, path := k.place(a)
	if err := a.Err(); err != nil {
		return nil, err
	}
	value, err := read(path)
	switch {
	case err == nil:
		found := wire.Object{wire.F("exists", true), wire.F("path", path), wire.F("value", value)}
		if name != hostname && k.fixed(path) {
			found = append(found, wire.F("read_only", true))
		}
		return found, nil
	case os.IsNotExist(err):
		return wire.Object{wire.F("exists", false), wire.F("path", path)}, nil
	}
	return nil, unreadable(err, name, path)
}

// unreadable says why a setting cannot be read: some only take orders, and have no value that could be kept.
func unreadable(err error, name, path string) error {
	if info, problem := os.Stat(path); problem == nil && info.Mode()&0o444 == 0 {
		return fault.New(fault.WrongType, "%s can only be written: it is an order to the kernel, and no setting that could be kept", name)
	}
	return fault.From(err, path)
}

// readOnly says whether nothing below a path can be changed, as in many containers.
func readOnly(path string) bool {
	var stat syscall.Statfs_t
	return syscall.Statfs(path, &stat) == nil && stat.Flags&syscall.MS_RDONLY != 0
}

func (k kernel) set(item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name, path := k.place(a)
	value := words(a.Text("value"))
	if value == "" || len(value) > maxValue || strings.ContainsRune(value, 0) {
		a.Fail("value", "nothing that a setting can be")
	}
	expect := words(a.Text("expect"))
	if err := a.Err(); err != nil {
		return nil, err
	}
	now, err := read(path)
	switch {
	case err != nil:
		return nil, fault.From(err, path)
	case now == value:
		return wire.Object{wire.F("changed", false)}, nil
	case expect != "" && now != expect:
		return nil, fault.New(fault.Conflict, "%s is not as expected", name)
	}
	if err := k.write(name, path, value); err != nil {
		return nil, err
	}
	if now, err = read(path); err == nil && now != value {
		return nil, fault.New(fault.NotSupported, "%s: the kernel has taken %q for %q", name, now, value)
	}
	return wire.Object{wire.F("changed", true)}, nil
}

func (k kernel) write(name, path, value string) error {
	if name == hostname {
		if err := syscall.Sethostname([]byte(value)); err != nil {
			return fault.From(err, name)
		}
		return nil
	}
	dir, last, err := walk.Parent(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	end := k.host.Own.Begin(path)
	defer end(dir, last)
	fd, err := sys.Openat(dir, last, syscall.O_WRONLY|syscall.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return fault.From(err, path)
	}
	defer fd.Close()
	if _, err := syscall.Write(int(fd), []byte(value+"\n")); err != nil {
		return fault.New(fault.From(err, path).Code, "%s: the kernel does not take %q: %s", name, value, err)
	}
	return nil
}

func read(path string) (string, error) {
	content, err := os.ReadFile(path)
	return words(string(content)), err
}

// words: the kernel parts what it lists by tabs, and people by spaces.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }
