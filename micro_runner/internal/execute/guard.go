package execute

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// GuardMode is the runner's argument for standing between itself and a program.
//
// A program may end its parent, by mistake or not (`kill $PPID`). That is a process of its own, so that the session goes on with all that has
// nothing to do with the program. It passes on what becomes of the program, through a pipe that the program does not have.
const GuardMode = "guard"

const (
	report = 3 // the descriptor
	// orphaned is what there is to say of a program whose guard was ended.
	orphaned = "what runs it was ended from outside: does it end its parent?\n"
)

// Guard runs a program to its end and reports that. Its exit status means nothing.
func Guard(program string, arguments []string) int {
	syscall.CloseOnExec(report)
	pipe := os.NewFile(report, "report")
	// What is sent to the group is for the program to heed. What is caught here is as it was there.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	runtime.LockOSThread() // as in Run
	command := exec.Command(program)
	command.Args = arguments
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := command.Start()
	if err == nil {
		_ = command.Wait()
		_, _ = fmt.Fprintf(pipe, "ended %d", uint32(command.ProcessState.Sys().(syscall.WaitStatus)))
		return 0
	}
	errno := syscall.EIO
	_ = errors.As(err, &errno)
	_, _ = fmt.Fprintf(pipe, "failed %d", int(errno))
	return 0
}

// guarded has a command run by a guard. What it gives is to be called once the command has been started and waited for: how the program ended,
// or why it could not be started.
func guarded(command *exec.Cmd, program string) (func() (syscall.WaitStatus, error), error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	command.Args = append([]string{"runner", GuardMode, program}, command.Args...)
	command.Path = "/proc/self/exe"
	command.ExtraFiles = []*os.File{writer}
	return func() (syscall.WaitStatus, error) {
		_ = writer.Close()
		defer reader.Close()
		text, _ := io.ReadAll(reader)
		how, number, _ := strings.Cut(string(text), " ")
		value, _ := strconv.ParseUint(number, 10, 32)
		switch how {
		case "ended":
			return syscall.WaitStatus(value), nil
		case "failed":
			return 0, &os.PathError{Op: "exec", Path: program, Err: syscall.Errno(value)}
		}
		return 0, os.ErrProcessDone
	}, nil
}
