// Package confine runs a program that may look at everything and change nothing: what a check of an Exec is.
//
// Go cannot run code between fork and exec, so the runner starts itself (`runner confine`), gives up what it may not have, and becomes the
// program. Landlock forbids to write, create, remove and rename anything but in /dev/null; where the kernel lets root, all mounts are read-only
// to it, too, so that modes, owners and times cannot be changed either. Where there is no Landlock, mounts alone do it (mounts.go), which takes
// root. All of it holds for whatever the program starts.
//
// Invariants: where neither is to be had, nothing is run that is to be confined. A program that could not be begun has not ended with
// any status: why not comes back by a pipe that the program itself would not have.
package confine

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

const (
	// Mode is the runner's argument for this.
	Mode = "confine"
	// report is the descriptor by which it says why the program was not started.
	report = 3
	// statusUnable is what it ends with then.
	statusUnable = 126

	sysCreateRuleset = 444
	sysAddRule       = 445
	sysRestrictSelf  = 446

	versionFlag     = 1
	pathBeneath     = 1
	noNewPrivs      = 38
	writeFile       = 1 << 1
	truncate        = 1 << 14
	openPath        = 0x200000
	firstWriting    = 4  // LANDLOCK_ACCESS_FS_REMOVE_DIR
	lastInVersion1  = 12 // …MAKE_SYM
	referVersion    = 2
	truncateVersion = 3
)

// Version gives that of the kernel's Landlock, 0 where there is none; a variable for the tests.
var Version = func() int {
	version, _, errno := syscall.Syscall(sysCreateRuleset, 0, 0, versionFlag)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// Available is whether a program can be confined here at all. Where only trying tells, it is tried, once.
var Available = sync.OnceValue(func() bool {
	return Version() > 0 || os.Geteuid() == 0 && tried() == nil
})

// tried confines a process that does nothing then.
func tried() error {
	command := exec.Command("/proc/self/exe")
	command.SysProcAttr = &syscall.SysProcAttr{}
	became, err := Command(command, "", "")
	if err != nil {
		return err
	}
	return errors.Join(command.Start(), became(), command.Wait())
}

// Command is the same command, confined. Its credential is taken over by what it starts. Once it was started, or could not be, what is
// returned is called: it waits until the command has become the program, or says why it could not.
//
// scratch is a directory that it may change all the same, with what is in it; "" for none.
func Command(command *exec.Cmd, program, scratch string) (became func() error, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	arguments := []string{"runner", Mode, "-1", "-1", "", scratch, program}
	if credential := command.SysProcAttr.Credential; credential != nil {
		groups := make([]string, len(credential.Groups))
		for i, group := range credential.Groups {
			groups[i] = strconv.Itoa(int(group))
		}
		arguments[2], arguments[3], arguments[4] = strconv.Itoa(int(credential.Uid)), strconv.Itoa(int(credential.Gid)), strings.Join(groups, ",")
		command.SysProcAttr.Credential = nil
	}
	command.Path = "/proc/self/exe"
	command.Args = append(arguments, command.Args...)
	command.ExtraFiles = []*os.File{write}
	return func() error {
		write.Close()
		defer read.Close()
		said, _ := io.ReadAll(read)
		if number, err := strconv.Atoi(string(said)); err == nil {
			return syscall.Errno(number)
		}
		return nil
	}, nil
}

// Become turns this process, which was started for that, into the program. It returns only when that fails, or there is no program.
func Become(arguments []string) int {
	runtime.LockOSThread() // all of it holds for a thread, and the one that executes is the one that remains
	syscall.CloseOnExec(report)
	err := become(arguments)
	if err == nil {
		return 0
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		errno = syscall.ENOSYS
	}
	_, _ = syscall.Write(report, []byte(strconv.Itoa(int(errno))))
	return statusUnable
}

func become(arguments []string) error {
	uid, gid, groups, scratch, program, argv := arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5:]
	version := Version()
	if version == 0 {
		if byMountsAlone(scratch) != nil {
			return syscall.ENOSYS
		}
	} else if os.Geteuid() == 0 {
		_ = readOnlyMounts(scratch) // where that cannot be, Landlock is what there is
	}
	if uid != "-1" {
		if err := assume(uid, gid, groups); err != nil {
			return err
		}
	}
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, noNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if version > 0 {
		if err := restrict(version, scratch); err != nil {
			return err
		}
	}
	if program == "" {
		return nil
	}
	return syscall.Exec(program, argv, os.Environ())
}

func assume(uid, gid, groups string) error {
	var numbers []int
	for group := range strings.SplitSeq(groups, ",") {
		if number, err := strconv.Atoi(group); err == nil {
			numbers = append(numbers, number)
		}
	}
	group, _ := strconv.Atoi(gid)
	user, _ := strconv.Atoi(uid)
	if err := syscall.Setgroups(numbers); err != nil {
		return err
	}
	if err := syscall.Setgid(group); err != nil {
		return err
	}
	return syscall.Setuid(user)
}

// restrict is Landlock's part.
func restrict(version int, scratch string) error {
	handled := uint64(writeFile)
	for bit := firstWriting; bit <= lastInVersion1; bit++ {
		handled |= 1 << bit
	}
	if version >= referVersion {
		handled |= 1 << (lastInVersion1 + 1)
	}
	if version >= truncateVersion {
		handled |= truncate
	}
	ruleset, _, errno := syscall.Syscall(sysCreateRuleset, uintptr(unsafe.Pointer(&handled)), unsafe.Sizeof(handled), 0)
	if errno != 0 {
		return errno
	}
	for path, allowed := range map[string]uint64{"/dev/null": handled & (writeFile | truncate), scratch: handled} {
		if place, err := syscall.Open(path, openPath|syscall.O_CLOEXEC, 0); err == nil {
			rule := struct {
				allowed uint64
				parent  int32
			}{allowed, int32(place)}
			_, _, _ = syscall.Syscall6(sysAddRule, ruleset, pathBeneath, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
		}
	}
	if _, _, errno := syscall.Syscall(sysRestrictSelf, ruleset, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
