// Package confine runs a program that may look at everything and change nothing: what a check of an Exec is.
//
// Go cannot run code between fork and exec, so the runner starts itself (`runner confine`), gives up what it may not have, and becomes the
// program. Landlock forbids to write, create, remove and rename anything but in /dev/null; where the kernel lets root, all mounts are read-only
// to it, too, so that modes, owners and times cannot be changed either. Both hold for whatever the program starts.
//
// Invariants: where Landlock is not to be had, nothing is run that is to be confined. A program that could not be begun has not ended with
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
	sysMountSetattr  = 442

	versionFlag     = 1
	pathBeneath     = 1
	noNewPrivs      = 38
	recursive       = 0x8000
	atFDCWD         = -100
	mountReadOnly   = 1
	writeFile       = 1 << 1
	truncate        = 1 << 14
	openPath        = 0x200000
	firstWriting    = 4  // LANDLOCK_ACCESS_FS_REMOVE_DIR
	lastInVersion1  = 12 // …MAKE_SYM
	referVersion    = 2
	truncateVersion = 3
)

// Version is that of the kernel's Landlock, 0 where there is none.
func Version() int {
	version, _, errno := syscall.Syscall(sysCreateRuleset, 0, 0, versionFlag)
	if errno != 0 {
		return 0
	}
	return int(version)
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

// Become turns this process, which was started for that, into the program. It returns only when that fails.
func Become(arguments []string) int {
	runtime.LockOSThread() // Landlock holds for a thread, and the one that executes is the one that remains
	syscall.CloseOnExec(report)
	var errno syscall.Errno
	if !errors.As(become(arguments), &errno) {
		errno = syscall.ENOSYS
	}
	_, _ = syscall.Write(report, []byte(strconv.Itoa(int(errno))))
	return statusUnable
}

func become(arguments []string) error {
	uid, gid, groups, scratch, program, argv := arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5:]
	if os.Geteuid() == 0 {
		readOnlyMounts(scratch)
	}
	if uid != "-1" {
		if err := assume(uid, gid, groups); err != nil {
			return err
		}
	}
	if err := restrict(Version(), scratch); err != nil {
		return err
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

// readOnlyMounts makes all mounts read-only, in a name space of this thread's own. Where that cannot be, Landlock is what there is.
func readOnlyMounts(scratch string) {
	if syscall.Unshare(syscall.CLONE_NEWNS) != nil || syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil {
		return
	}
	if scratch != "" && syscall.Mount(scratch, scratch, "", syscall.MS_BIND, "") != nil {
		return
	}
	setAttributes("/", recursive, [4]uint64{mountReadOnly})
	if scratch != "" {
		setAttributes(scratch, 0, [4]uint64{0, mountReadOnly})
	}
}

// setAttributes sets the first of some attributes of a mount, and clears the second.
func setAttributes(path string, flags uintptr, attributes [4]uint64) {
	name := append([]byte(path), 0)
	at := atFDCWD
	_, _, _ = syscall.Syscall6(sysMountSetattr, uintptr(at), uintptr(unsafe.Pointer(&name[0])), flags,
		uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes), 0)
}

func restrict(version int, scratch string) error {
	if version == 0 {
		return syscall.ENOSYS
	}
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
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, noNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.Syscall(sysRestrictSelf, ruleset, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
