// Package execute runs programs: the `exec` command, and what validates a file before it goes live.
//
// Invariant: a program and all of its process group are gone when Run returns because of the context, and the program itself is
// gone when the runner is, even when that is killed. Output is bounded in memory, however much there is.
package execute

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/fault"
)

const (
	// searchPath is where programs are looked for, whatever the login shell of the session had set.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// politeness is how long a process group has between SIGTERM and SIGKILL.
	politeness = 500 * time.Millisecond
	// pipePatience is how long the output of a program that has ended is still read, when a child of it holds the pipe open.
	pipePatience = 500 * time.Millisecond
)

// Spec is what to run.
type Spec struct {
	Argv        []string
	Stdin       []byte
	Environment []string // NAME=VALUE, beyond the usual ones
	Directory   string
	MaxOutput   int // for each stream
	User        string
	Confined    bool   // it can change nothing
	Scratch     string // but what is below this
	Lasting     bool   // it outlives whoever started it
	Asked       bool   // it answers a question: whatever it has started ends with it
	// Started is told the number of its process, where that is of interest.
	Started func(pid int)
}

// Outcome is how it went.
type Outcome struct {
	Exit           int    // -1 when a signal ended it
	Signal         string // SIGKILL
	Stdout, Stderr []byte
	Truncated      bool
}

// Run runs it to the end, or until the context ends, whose error it then gives.
func Run(ctx context.Context, spec Spec) (Outcome, error) {
	environment := append(usual(spec.User), spec.Environment...)
	program, err := find(spec.Argv[0], environment)
	if err != nil {
		return Outcome{}, err
	}
	stdout, stderr := &bounded{limit: spec.MaxOutput}, &bounded{limit: spec.MaxOutput}
	command := exec.CommandContext(ctx, program)
	command.Args = spec.Argv
	command.Env = environment
	command.Dir = spec.Directory
	if len(spec.Stdin) > 0 {
		command.Stdin = strings.NewReader(string(spec.Stdin))
	}
	command.Stdout, command.Stderr = stdout, stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !spec.Lasting {
		command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	if spec.User != "" {
		if command.SysProcAttr.Credential, err = credential(spec.User); err != nil {
			return Outcome{}, err
		}
	}
	became := func() error { return nil }
	if spec.Confined {
		if became, err = confine.Command(command, program, spec.Scratch); err != nil {
			return Outcome{}, fault.From(err, spec.Argv[0])
		}
	}
	ended := func() (syscall.WaitStatus, error) { return command.ProcessState.Sys().(syscall.WaitStatus), nil }
	// Who is another user cannot end the runner, and what outlives it has a parent of its own.
	if !spec.Confined && !spec.Lasting && command.SysProcAttr.Credential == nil {
		if ended, err = guarded(command, program); err != nil {
			return Outcome{}, fault.From(err, spec.Argv[0])
		}
	}
	command.WaitDelay = pipePatience
	command.Cancel = func() error {
		group := -command.Process.Pid
		time.AfterFunc(politeness, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGTERM)
	}
	// The kernel sends Pdeathsig when the thread that started the program ends, so that thread must wait for it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = command.Start()
	unable := became()
	if err != nil {
		_, _ = ended()
		return Outcome{}, startFault(err, program, spec)
	}
	if spec.Started != nil {
		spec.Started(command.Process.Pid)
	}
	if spec.Asked {
		leaveNothing(command.Process.Pid)
	}
	err = command.Wait()
	if command.ProcessState == nil {
		return Outcome{}, fault.From(err, spec.Argv[0])
	}
	status, unguarded := ended()
	if ctx.Err() != nil {
		return Outcome{}, context.Cause(ctx)
	}
	if unable != nil {
		return Outcome{}, startFault(unable, program, spec)
	}
	if errors.Is(unguarded, os.ErrProcessDone) {
		status = command.ProcessState.Sys().(syscall.WaitStatus)
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // what it has started is nobody's now
		_, _ = stderr.Write([]byte(orphaned))
	} else if unguarded != nil {
		return Outcome{}, startFault(unguarded, program, spec)
	}
	outcome := Outcome{Stdout: stdout.kept, Stderr: stderr.kept, Truncated: stdout.dropped || stderr.dropped}
	outcome.Exit = status.ExitStatus()
	if status.Signaled() {
		outcome.Signal = signalName(status.Signal())
	}
	return outcome, nil
}

// leaveNothing waits for the end of a program, and ends what is left of its process group. The program is not waited for in the sense of the
// kernel, so that until then its number is nobody else's.
func leaveNothing(pid int) {
	const thisProcess, hasExited, leaveIt = 1, 4, 0x1000000 // P_PID, WEXITED, WNOWAIT
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, thisProcess, uintptr(pid), 0, hasExited|leaveIt, 0, 0)
		if errno != syscall.EINTR {
			break
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}

// credential is that of a user, with all groups.
func credential(name string) (*syscall.Credential, error) {
	who, err := user.Lookup(name)
	if err != nil {
		return nil, noUser(name)
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	if int(uid) == os.Geteuid() {
		return nil, nil
	}
	result := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	names, err := who.GroupIds()
	if err != nil {
		return nil, fault.From(err, name)
	}
	for _, group := range names {
		if number, err := strconv.ParseUint(group, 10, 32); err == nil {
			result.Groups = append(result.Groups, uint32(number))
		}
	}
	return result, nil
}

// usual is the same environment for everyone, so that a command does the same by whatever way the runner was started.
func usual(name string) []string {
	environment := []string{"PATH=" + searchPath, "LANG=C.UTF-8"}
	me, err := user.Current()
	if name != "" {
		me, err = user.Lookup(name)
	}
	if err == nil {
		environment = append(environment, "HOME="+me.HomeDir, "USER="+me.Username, "LOGNAME="+me.Username)
	}
	return environment
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	kept    []byte
	limit   int
	dropped bool
}

var _ io.Writer = (*bounded)(nil)

func (b *bounded) Write(data []byte) (int, error) {
	room := b.limit - len(b.kept)
	if len(data) > room {
		b.kept, b.dropped = append(b.kept, data[:room]...), true
	} else {
		b.kept = append(b.kept, data...)
	}
	return len(data), nil
}

var signalNames = []string{
	"", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
	"SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG",
	"SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

func signalName(signal syscall.Signal) string {
	if int(signal) < len(signalNames) {
		return signalNames[signal]
	}
	return signal.String()
}
