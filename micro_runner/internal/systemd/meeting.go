package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/fault"
)

// runtimes is where users have their directories while they are there; a variable for the tests.
var runtimes = "/run/user"

const (
	// nobodys is a group that nothing belongs to.
	nobodys = 65534
	// same leaves a number as it is.
	same = ^uintptr(0)
)

// dialUser connects with the manager of a user. All that is on the way is that user's, who could have put anything there: so the way is gone
// with no other rights than the user's, and who answers has to be the user, too.
func (b *Bus) dialUser(ctx context.Context, uid uint32) (*dbus.Conn, error) {
	if me := os.Geteuid(); me != 0 && me != int(uid) {
		return nil, fault.New(fault.Permission, "the manager of %s speaks with %s and root alone", b.user, b.user)
	}
	if b.meeting.Swap(true) {
		return nil, fault.New(fault.Unreachable, "the manager of %s cannot be reached: an earlier attempt hangs", b.user)
	}
	met := make(chan meeting, 1)
	go func() {
		runtime.LockOSThread() // for good: a thread that has been somebody else ends with this function
		defer b.meeting.Store(false)
		fd, err := meet(uid, fmt.Sprintf("%s/%d/systemd/private", runtimes, uid))
		met <- meeting{fd, err}
	}()
	var made meeting
	select {
	case made = <-met:
	case <-ctx.Done():
		go func() {
			if late := <-met; late.err == nil {
				_ = syscall.Close(late.fd)
			}
		}()
		return nil, ctx.Err()
	}
	switch made.err {
	case nil:
	case syscall.ENOENT, syscall.ECONNREFUSED, syscall.ENOTDIR:
		return nil, fault.New(fault.NoManager, "the manager of %s does not run: nobody is logged in as %s, and it does not linger (`loginctl enable-linger %s` starts it now and with the host)", b.user, b.user, b.user)
	default:
		return nil, fault.From(made.err, "the manager of "+b.user)
	}
	file := os.NewFile(uintptr(made.fd), "manager")
	defer file.Close()
	socket, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	until, _ := ctx.Deadline()
	_ = socket.SetDeadline(until)
	conn, err := dbus.NewConn(&measured{Conn: socket}, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()), dbus.WithIncomingInterceptor(heed))
	if err == nil {
		err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(int(uid)))})
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	_ = socket.SetDeadline(time.Time{})
	return conn, greet(ctx, conn)
}

// heed has nothing be made of what no manager says: there is nothing to be called here (and each call would wait until its answer is taken), and
// what a bus says of names is believed as if it could only be right.
func heed(message *dbus.Message) {
	face, _ := message.Headers[dbus.FieldInterface].Value().(string)
	if message.Type == dbus.TypeMethodCall || face == "org.freedesktop.DBus" {
		message.Type = 0
	}
}

type meeting struct {
	fd  int
	err error
}

// meet connects this thread, as a user. The real and the saved user stay root, so that the user cannot signal the thread meanwhile.
func meet(uid uint32, path string) (fd int, err error) {
	fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			_ = syscall.Close(fd)
		}
	}()
	if os.Geteuid() == 0 && uid != 0 {
		for _, one := range [][4]uintptr{{syscall.SYS_SETGROUPS}, {syscall.SYS_SETRESGID, same, nobodys, same}, {syscall.SYS_SETRESUID, same, uintptr(uid), same}} {
			if _, _, errno := syscall.RawSyscall(one[0], one[1], one[2], one[3]); errno != 0 {
				return fd, errno
			}
		}
		// It is not much that a thread without rights could do by mistake; but the first one of a process does not end by itself.
		defer syscall.RawSyscall(syscall.SYS_SETRESUID, same, 0, same)
	}
	if err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return fd, err
	}
	peer, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err == nil && peer.Uid != uid {
		err = fault.New(fault.NotTheirs, "%s leads to a program of the user %d", path, peer.Uid)
	}
	return fd, err
}
