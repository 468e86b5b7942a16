package execute

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// maxSaid is how much a program may say of why it fails.
const maxSaid = 2048

// Stream runs a program whose output is read while it comes. Where the reader has enough before its end, the program is ended; where the output
// ends since the program fails, the last read says so, by the error that failed makes of what it said.
func Stream(ctx context.Context, argv []string, stdin io.Reader, failed func(said string) error, read func(io.Reader) error) error {
	program, err := find(argv[0], nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := exec.CommandContext(ctx, program, argv[1:]...)
	said := &bounded{limit: maxSaid}
	command.Env, command.Dir, command.Stdin, command.Stderr = usual(""), "/", stdin, said
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.WaitDelay = pipePatience
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // as in Run
	defer runtime.UnlockOSThread()
	if err := command.Start(); err != nil {
		return startFault(err, program, Spec{Argv: argv, Directory: "/"})
	}
	waited := false
	wait := func() error {
		waited = true
		err := command.Wait()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if why := string(bytes.TrimSpace(said.kept)); why != "" {
			return failed(strings.ToValidUTF8(why, "?"))
		}
		return failed(argv[0] + ": " + err.Error())
	}
	err = read(&untilItFails{output, wait})
	if !waited {
		cancel()
		_ = command.Wait()
	}
	return err
}

// untilItFails is the output of a program, and then how it ended.
type untilItFails struct {
	output io.Reader
	wait   func() error
}

func (u *untilItFails) Read(data []byte) (int, error) {
	n, err := u.output.Read(data)
	if n == 0 && err == io.EOF {
		if failed := u.wait(); failed != nil {
			return 0, failed
		}
	}
	return n, err
}
