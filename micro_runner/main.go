// Command runner does on a target what a controller asks it to do, over standard input and output (protocol.md), and leaves
// nothing behind: no file, no process, not even itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/account"
	"froyo.dev/runner/internal/archive"
	"froyo.dev/runner/internal/blob"
	"froyo.dev/runner/internal/boot"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/dirs"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/facts"
	"froyo.dev/runner/internal/files"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/kernel"
	"froyo.dev/runner/internal/links"
	"froyo.dev/runner/internal/observe"
	"froyo.dev/runner/internal/operation"
	"froyo.dev/runner/internal/own"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/packages"
	"froyo.dev/runner/internal/process"
	"froyo.dev/runner/internal/session"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/text"
	"froyo.dev/runner/internal/units"
	"froyo.dev/runner/internal/verify"
	"froyo.dev/runner/internal/watch"
	"froyo.dev/runner/internal/wire"
)

// Set by the linker.
var (
	version   = "0.0.0"
	publicKey = "" // SubjectPublicKeyInfo in base64; a runner without one serves nobody
)

// Exit statuses of the protocol.
const (
	statusUsage    = 64
	statusTampered = 70
)

var statuses = map[string]int{
	session.EOF: 0, session.Exit: 0, session.TTL: 3, session.Signal: 4, session.Fenced: 5, session.Protocol: 65,
}

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == "version":
		fmt.Println(version)
	case len(arguments) >= 6 && arguments[0] == confine.Mode:
		os.Exit(confine.Become(arguments[1:]))
	case len(arguments) >= 3 && arguments[0] == execute.GuardMode:
		os.Exit(execute.Guard(arguments[1], arguments[2:]))
	case len(arguments) == 2 && arguments[0] == operation.Mode:
		os.Exit(operation.Carry(arguments[1], lasting(newHost())))
	case len(arguments) >= 1 && arguments[0] == "serve":
		os.Exit(serve(arguments[1:]))
	default:
		fmt.Fprintln(os.Stderr, "usage: runner serve --sha256 HEX --signature BASE64 [--ttl 600s] [--unlink] [--become sudo]\n       runner version")
		os.Exit(statusUsage)
	}
}

type options struct {
	sha256, signature, become string
	ttl                       time.Duration
	unlink                    bool
}

func parse(arguments []string) (options, error) {
	var o options
	set := flag.NewFlagSet("serve", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&o.sha256, "sha256", "", "")
	set.StringVar(&o.signature, "signature", "", "")
	set.StringVar(&o.become, "become", "", "")
	set.DurationVar(&o.ttl, "ttl", session.DefaultLimits.TTL, "")
	set.BoolVar(&o.unlink, "unlink", false, "")
	err := set.Parse(arguments)
	switch {
	case err != nil:
	case set.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", set.Arg(0))
	case o.ttl <= 0:
		err = fmt.Errorf("a time to live of %s", o.ttl)
	case o.become != "" && o.become != "sudo":
		err = fmt.Errorf("cannot become root by %q", o.become)
	}
	return o, err
}

func serve(arguments []string) int {
	o, err := parse(arguments)
	if err != nil {
		fmt.Fprintf(os.Stderr, "runner: %v\n", err)
		return statusUsage
	}
	// Before anything else: a runner that is killed right now must not stay on the disk. With sudo it is the second
	// one that unlinks, since it has to be started from the file.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	if o.unlink && o.become == "" {
		unlink()
	}
	process.Tidy()
	if err := verify.Executable(publicKey, o.sha256, o.signature); err != nil {
		_, _ = os.Stdout.Write(frames.Encode(frames.Bye(session.Tampered, err.Error())))
		if o.unlink {
			unlink()
		}
		return statusTampered
	}
	if o.become != "" {
		err := become(arguments)
		fmt.Fprintf(os.Stderr, "runner: cannot become root: %v\n", err)
		if o.unlink {
			unlink()
		}
		return statusUsage
	}
	host := newHost()
	limits := session.DefaultLimits
	limits.TTL = o.ttl
	s := session.Session{
		Hello: frames.Hello{
			Version: version, Arch: runtime.GOARCH, BootID: facts.BootID(), PID: os.Getpid(), UID: os.Geteuid(), Watch: watch.Best(), Schemes: watch.Schemes(),
		},
		Commands: commands(host), Host: host, Limits: limits, Signals: signals,
	}
	reason := s.Serve(os.Stdin, os.Stdout)
	host.Temps.Close()
	host.Systemd.Close()
	return statuses[reason]
}

func newHost() *command.Host {
	names := owner.NewNames()
	return &command.Host{
		Names: names, Digests: digest.NewMemory(), Blobs: blob.NewStore(blob.DefaultBudgets),
		Temps: temp.NewWorkshop(), Own: own.NewWrites(), Hung: hang.NewPlaces(),
		Systemd: systemd.NewManagers(names, units.Journal),
	}
}

// lasting are those, among others, that a carrier may be started for.
func lasting(host *command.Host) []command.Command {
	return append(execute.Commands(), units.Commands(host)...)
}

func commands(host *command.Host) []command.Command {
	var all []command.Command
	all = append(all, files.Commands(host)...)
	all = append(all, dirs.Commands(host)...)
	all = append(all, links.Commands(host)...)
	all = append(all, text.Commands(host)...)
	all = append(all, archive.Commands(host)...)
	all = append(all, execute.Commands()...)
	all = append(all, operation.Commands()...)
	all = append(all, facts.Commands(host)...)
	all = append(all, packages.Commands()...)
	all = append(all, account.Commands(host)...)
	all = append(all, kernel.Commands(host)...)
	for i := range all {
		all[i] = reconsidering(host, all[i])
	}
	all = append(all, units.Commands(host)...)
	all = append(all, boot.Commands(host)...)
	all = append(all, watch.Commands(host)...)
	all = operation.Apart(all)
	return append(all, observe.Commands(all)...)
}

// reconsidering has units that failed tried again after a command that writes: what it has changed may be what they failed for.
func reconsidering(host *command.Host, one command.Command) command.Command {
	if !one.Writes {
		return one
	}
	run := one.Run
	one.Run = func(ctx context.Context, call *command.Call) (wire.Array, error) {
		defer host.Systemd.Reconsider()
		return run(ctx, call)
	}
	return one
}

// unlink removes the executable, and the directory that was made for it. What has been removed already is no error.
func unlink() {
	path, err := os.Executable()
	if err != nil {
		return
	}
	_ = syscall.Unlink(path)
	directory := filepath.Dir(path)
	if name := filepath.Base(directory); strings.HasPrefix(name, "froyo-") || strings.HasPrefix(name, ".froyo-") {
		_ = syscall.Rmdir(directory) // which fails when there is anything else in it
	}
}

// become replaces this process by sudo, which starts the same executable as root. It returns only when that fails.
func become(arguments []string) error {
	sudo, err := exec.LookPath("sudo")
	if err != nil {
		return err
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	argv := []string{"sudo", "-n", "--", path, "serve"}
	for i := 0; i < len(arguments); i++ {
		switch name := strings.TrimLeft(arguments[i], "-"); {
		case name == "become":
			i++
		case strings.HasPrefix(name, "become="):
		default:
			argv = append(argv, arguments[i])
		}
	}
	return syscall.Exec(sudo, argv, os.Environ())
}
