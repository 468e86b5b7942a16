// Package facts is the command facts: what a target is, as far as it does not move while the target runs.
package facts

import (
	"context"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/wire"
)

// Commands is `facts`.
func Commands() []command.Command {
	return []command.Command{{Name: "facts", Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
		return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) { return gather(), nil })
	}}}
}

func gather() wire.Object {
	var uts syscall.Utsname
	_ = syscall.Uname(&uts)
	var memory syscall.Sysinfo_t
	_ = syscall.Sysinfo(&memory)
	return wire.Object{
		wire.F("arch", runtime.GOARCH), wire.F("boot_id", BootID()), wire.F("cpus", runtime.NumCPU()), wire.F("hostname", text(uts.Nodename)),
		wire.F("kernel", text(uts.Release)), wire.F("machine_id", line("/etc/machine-id")),
		wire.F("memory_bytes", int64(memory.Totalram)*int64(memory.Unit)), wire.F("os", distribution()), wire.F("python", python()),
		wire.F("uid", os.Geteuid()), wire.F("user", userName()),
	}
}

// BootID names this run of the kernel.
func BootID() string { return line("/proc/sys/kernel/random/boot_id") }

func line(path string) string {
	content, _ := os.ReadFile(path)
	return strings.TrimSpace(string(content))
}

func text[T int8 | uint8](field [65]T) string {
	var name []byte
	for _, c := range field {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name)
}

func userName() string {
	if me, err := user.Current(); err == nil {
		return me.Username
	}
	return strconv.Itoa(os.Geteuid())
}

func python() any {
	for _, path := range []string{"/usr/bin/python3", "/usr/local/bin/python3"} {
		if stat, err := os.Stat(path); err == nil && stat.Mode().IsRegular() {
			return path
		}
	}
	return nil
}

func distribution() wire.Object {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		content, _ = os.ReadFile("/usr/lib/os-release")
	}
	release := parseRelease(string(content))
	return wire.Object{wire.F("id", release["ID"]), wire.F("name", release["PRETTY_NAME"]), wire.F("version", release["VERSION_ID"])}
}

// parseRelease reads os-release(5): assignments of the shell, without any expansion.
func parseRelease(content string) map[string]string {
	release := map[string]string{}
	for line := range strings.SplitSeq(content, "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			quote := value[0]
			value = value[1 : n-1]
			if quote == '"' {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(value)
			}
		}
		release[key] = value
	}
	return release
}
