package account

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"froyo.dev/runner/internal/fault"
)

// answering is how long what a user's home is on may take to answer.
const answering = 10 * time.Second

// as does something with the rights of a user in file systems, and with no others: whatever the user has put in the way, no more can come of it
// than the user could do. It is a thread of its own that becomes the user, and it ends with that.
func as(u *user, groups []uint32, work func() error) error {
	switch me := os.Geteuid(); {
	case me == int(u.uid):
		return work()
	case me != 0:
		return fault.New(fault.Permission, "only root can change the keys of somebody else, such as %s", u.name)
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never let go of it
		err := become(u, groups)
		if err == nil {
			err = work()
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(answering):
		return fault.New(fault.Timeout, "%s does not answer within %s", u.home, answering)
	}
}

// become changes what this thread is to file systems. The system calls are those of a thread, other than those of package syscall.
func become(u *user, groups []uint32) error {
	groups = append([]uint32{u.gid}, groups...)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
		return fault.From(errno, u.name)
	}
	const ask = ^uintptr(0)
	for number, id := range map[uintptr]uint32{syscall.SYS_SETFSGID: u.gid, syscall.SYS_SETFSUID: u.uid} {
		_, _, _ = syscall.RawSyscall(number, uintptr(id), 0, 0)
		if now, _, _ := syscall.RawSyscall(number, ask, 0, 0); uint32(now) != id {
			return fault.New(fault.Permission, "cannot act as %s", u.name)
		}
	}
	return nil
}
