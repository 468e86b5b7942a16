package account

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/walk"
)

const (
	// patience is for a program that changes accounts; the longest is a home that moves to another file system.
	patience = 10 * time.Minute
	output   = 2048
	lockFile = "/etc/.pwd.lock"
)

// databases are what the programs write.
var databases = []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"}

// turn: one change at a time: the programs lock the same files, and do not wait long for each other.
var turn sync.Mutex

// run runs a program of the distribution to its end. It is not cut in half by a session that is lost, and what it does is the runner's doing.
func (f *family) run(ctx context.Context, argv []string, stdin []byte) error {
	turn.Lock()
	defer turn.Unlock()
	if holder := lockHolder(lockFile); holder != "" {
		return fault.New(fault.Locked, "%s is held by %s: accounts are being changed", lockFile, holder)
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, path := range databases {
		dir, name, err := walk.Parent(path)
		if err != nil {
			return err
		}
		defer dir.Close()
		end := f.host.Own.Begin(path)
		defer func() { end(dir, name) }()
	}
	var ended []func()
	defer func() {
		for _, end := range ended {
			end()
		}
	}()
	outcome, err := execute.Run(within, execute.Spec{
		Argv: argv, Stdin: stdin, Environment: []string{"TZ=UTC"}, Directory: "/", MaxOutput: output, Lasting: true,
		Started: func(pid int) { ended = append(ended, f.host.Own.Program(pid)) },
	})
	if err != nil {
		return fault.From(err, argv[0])
	}
	if outcome.Exit == 0 && outcome.Signal == "" {
		return nil
	}
	said := strings.TrimSpace(string(outcome.Stderr))
	if said == "" {
		said = "exit status " + fmt.Sprint(outcome.Exit) + " " + outcome.Signal
	}
	if strings.Contains(said, "cannot lock") {
		holder := lockHolder(lockFile)
		if holder == "" {
			holder = "somebody else"
		}
		return fault.New(fault.Locked, "%s; the lock is held by %s", said, holder)
	}
	// chpasswd would say which line it does not like.
	if stdin != nil {
		said = "exit status " + fmt.Sprint(outcome.Exit)
	}
	return fault.New(fault.ToolFailed, "%s: %s", argv[0], said)
}

// lockHolder says who has the lock of lckpwdf(3); "" for nobody.
func lockHolder(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	if syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock) != nil || lock.Type == syscall.F_UNLCK {
		return ""
	}
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", lock.Pid))
	if name := strings.TrimSpace(string(command)); name != "" {
		return fmt.Sprintf("the process %d (%s)", lock.Pid, name)
	}
	return fmt.Sprintf("the process %d", lock.Pid)
}
