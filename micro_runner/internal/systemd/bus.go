// Package systemd speaks with the host's service manager over D-Bus: what there is of units, what is done to them, and what happens to
// them.
//
// As root it speaks with systemd itself, which needs no message bus; other users with the message bus of the system. The manager of a
// user is spoken with as that user. A connection is made when it is first needed, kept for the session, and made again after it was lost,
// as it is whenever systemd executes itself anew.
//
// Invariant: nothing is decided here, and nothing waits for ever: every call ends with its context, or after patience.
package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/owner"
)

const (
	name        = "org.freedesktop.systemd1"
	managerPath = dbus.ObjectPath("/org/freedesktop/systemd1")
	unitPrefix  = "/org/freedesktop/systemd1/unit/"
	manager     = name + ".Manager"
	unitFace    = name + ".Unit"
	properties  = "org.freedesktop.DBus.Properties"

	// patience is how long an answer is waited for. It may take some time while all unit files are read anew.
	patience = 25 * time.Second
	// dialing is how long it may take until there is a connection.
	dialing = 5 * time.Second
	// greeting is the pause between two attempts to be answered at all.
	greeting = 5 * time.Millisecond
	// usersPatience is that with the manager of a user, who can have it be silent.
	usersPatience = 5 * time.Second
	// hanging is how long one that did not answer is not asked again.
	hanging = 10 * time.Second
)

// usersDialing is how long it may take until there is a connection with the manager of a user.
var usersDialing = 2 * time.Second

// The places where systemd is met; variables for the tests.
var (
	booted  = "/run/systemd/system"
	private = "/run/systemd/private"
	system  = "/run/dbus/system_bus_socket"
)

// Journal is the end of a journal since some time: of a unit, or of all that some matches of journalctl select.
type Journal func(ctx context.Context, selection []string, since time.Time) string

// Bus is the way to one manager: the host's systemd, or that of a user. It may be used from any goroutine.
type Bus struct {
	files   fileStates
	journal Journal
	names   *owner.Names
	user    string                 // whose manager it is; "" for the host's
	uid     func() (uint32, error) // of that user, who may be another one of that name by now

	mu        sync.Mutex
	line      *line
	silent    error // why it was not to be had when it was last tried, where it did not answer
	silentAt  time.Time
	meeting   atomic.Bool // a connection is under way
	listeners map[*listener]struct{}
	busy      map[string]int // units that we are doing something to
	attempts  map[string]attempt
}

// line is one connection, as long as it lasts.
type line struct {
	conn     *dbus.Conn
	uid      uint32 // of the user whose manager it is
	patience time.Duration
}

// listener is told of every signal, in order, and of nil when the connection is lost. It must not wait.
type listener struct{ hear func(*dbus.Signal) }

// newBus is connected to nothing yet.
func newBus(journal Journal, names *owner.Names, user string, uid func() (uint32, error)) *Bus {
	return &Bus{journal: journal, names: names, user: user, uid: uid, attempts: map[string]attempt{}, listeners: map[*listener]struct{}{}, busy: map[string]int{}}
}

// Lacking says why there is no systemd on this host, or nil.
func Lacking() error {
	if _, err := os.Lstat(booted); err != nil {
		return fault.New(fault.NoSystemd, "this host was not booted with systemd (there is no %s), and units are systemd's", booted)
	}
	return nil
}

// connect gives the connection that there is, or makes one.
func (b *Bus) connect(ctx context.Context) (*line, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	made := &line{patience: patience}
	limit := dialing
	if b.user != "" {
		uid, err := b.uid()
		if err != nil {
			return nil, err
		}
		made.uid, made.patience, limit = uid, usersPatience, usersDialing
	}
	if b.line != nil && b.line.conn.Connected() && b.line.uid == made.uid {
		return b.line, nil
	}
	if err := Lacking(); err != nil {
		return nil, err
	}
	if b.silent != nil && time.Since(b.silentAt) < hanging {
		return nil, b.silent
	}
	b.silent = nil
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var err error
	if b.user == "" {
		made.conn, err = dial(limited)
	} else {
		made.conn, err = b.dialUser(limited, made.uid)
	}
	if err != nil {
		why := b.unreached(err)
		if isLate(err) && ctx.Err() == nil {
			b.silent, b.silentAt = why, time.Now()
		}
		return nil, why
	}
	if b.line != nil {
		_ = b.line.conn.Close()
	}
	heard := make(chan *dbus.Signal, 64)
	made.conn.Signal(heard)
	b.line = made
	go b.dispatch(heard)
	return made, nil
}

// hangs gives up a connection on which nothing is answered, and has it be for a while.
func (b *Bus) hangs(line *line) {
	b.mu.Lock()
	b.silent, b.silentAt = b.unreached(context.DeadlineExceeded), time.Now()
	if b.line == line {
		b.line = nil
	}
	b.mu.Unlock()
	_ = line.conn.Close()
}

func isLate(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// unreached is why a manager cannot be spoken with.
func (b *Bus) unreached(err error) error {
	var known *fault.Fault
	switch {
	case errors.As(err, &known):
		return known
	case isLate(err):
		err = errors.New("it does not answer")
	}
	if b.user == "" {
		return fault.New(fault.Unreachable, "systemd cannot be reached: %s", err)
	}
	return fault.New(fault.Unreachable, "the manager of %s cannot be reached: %s", b.user, err)
}

// dial connects with systemd itself, or where that is not for us, with the bus of the system.
func dial(ctx context.Context) (*dbus.Conn, error) {
	if os.Geteuid() == 0 {
		if conn, err := open(ctx, private); err == nil {
			return conn, greet(ctx, conn)
		}
	}
	conn, err := open(ctx, system)
	if err != nil {
		return nil, err
	}
	// Who comes by the bus has to say what is to be told.
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.Hello", 0).Err
	if err == nil {
		err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(name))
	}
	if err == nil {
		err = conn.Object(name, managerPath).CallWithContext(ctx, manager+".Subscribe", 0).Err
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// greet waits until systemd answers. What it is sent at one go with the end of the authentication, as a first call may be, it looks at
// when it is sent something more.
func greet(ctx context.Context, conn *dbus.Conn) error {
	heard := make(chan *dbus.Call, dialing/greeting+1) // room for every answer: nobody waits for the later ones
	for {
		conn.Object(name, managerPath).GoWithContext(ctx, "org.freedesktop.DBus.Peer.Ping", 0, heard)
		select {
		case call := <-heard:
			if call.Err != nil {
				_ = conn.Close()
			}
			return call.Err
		case <-time.After(greeting):
		case <-ctx.Done():
			_ = conn.Close()
			return ctx.Err()
		}
	}
}

func open(ctx context.Context, path string) (*dbus.Conn, error) {
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	until, _ := ctx.Deadline()
	_ = socket.SetDeadline(until)
	conn, err := dbus.DialUnix(socket.(*net.UnixConn), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err == nil {
		err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))})
	}
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	_ = socket.SetDeadline(time.Time{})
	return conn, nil
}

// dispatch tells the listeners of one connection's signals, and of its end.
func (b *Bus) dispatch(heard <-chan *dbus.Signal) {
	for signal := range heard {
		b.tell(signal)
	}
	b.tell(nil)
}

func (b *Bus) tell(signal *dbus.Signal) {
	b.mu.Lock()
	all := make([]*listener, 0, len(b.listeners))
	for one := range b.listeners {
		all = append(all, one)
	}
	b.mu.Unlock()
	for _, one := range all {
		one.hear(signal)
	}
}

// listen has a function told of all signals until stop is called.
func (b *Bus) listen(hear func(*dbus.Signal)) (stop func()) {
	one := &listener{hear: hear}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners[one] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, one)
	}
}

// Close ends the connection.
func (b *Bus) Close() {
	b.mu.Lock()
	line := b.line
	b.line = nil
	b.mu.Unlock()
	if line != nil {
		_ = line.conn.Close()
	}
}

// ask begins a call; its answer is waited for with answer.
func (l *line) ask(ctx context.Context, path dbus.ObjectPath, method string, arguments ...any) *dbus.Call {
	return l.conn.Object(name, path).GoWithContext(ctx, method, 0, make(chan *dbus.Call, 1), arguments...)
}

// answer waits for a call's answer, and puts it into results.
func answer(ctx context.Context, call *dbus.Call, about string, results ...any) error {
	select {
	case <-call.Done:
		if call.Err != nil {
			return faultOf(call.Err, about)
		}
		if err := call.Store(results...); err != nil {
			return fault.New(fault.Internal, "%s: what systemd answered is not understood: %s", about, err)
		}
		return nil
	case <-ctx.Done():
		if ctx.Err() == context.DeadlineExceeded {
			return fault.New(fault.Timeout, "%s: systemd does not answer", about)
		}
		return ctx.Err()
	}
}

// call asks and waits for the answer.
func (l *line) call(ctx context.Context, path dbus.ObjectPath, about, method string, results []any, arguments ...any) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	return answer(ctx, l.ask(ctx, path, method, arguments...), about, results...)
}

// faultOf is what an error of systemd amounts to.
func faultOf(err error, about string) error {
	var told dbus.Error
	if !errors.As(err, &told) {
		return fault.New(fault.Unreachable, "%s: the connection with systemd was lost", about)
	}
	code := fault.UnitFailed
	switch told.Name {
	case name + ".NoSuchUnit", "org.freedesktop.DBus.Error.FileNotFound":
		code = fault.NotFound
	case name + ".UnitMasked":
		code = fault.UnitMasked
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
		code = fault.Access
	case "org.freedesktop.DBus.Error.InvalidArgs", "org.freedesktop.DBus.Error.UnknownObject":
		code = fault.BadRequest
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Timeout", "org.freedesktop.DBus.Error.Disconnected",
		"org.freedesktop.DBus.Error.LimitsExceeded", "org.freedesktop.DBus.Error.NoMemory":
		code = fault.Unreachable
	}
	return fault.New(code, "%s: %s", about, told.Error())
}

// isNotFound says whether an error is that there is no such thing.
func isNotFound(err error) bool {
	var known *fault.Fault
	return errors.As(err, &known) && known.Code == fault.NotFound
}

// isLost says whether an error is that of a connection that was lost.
func isLost(err error) bool {
	var known *fault.Fault
	return errors.As(err, &known) && known.Code == fault.Unreachable
}
