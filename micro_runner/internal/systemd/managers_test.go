package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/fault"
)

// games is a user that every Debian has.
const games = 5

func busOf(uid uint32) *Bus {
	return newBus(nil, nil, "games", func() (uint32, error) { return uid, nil })
}

func code(err error) fault.Code {
	var known *fault.Fault
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

// inRuntimes has users' directories be elsewhere, with that of one user.
func inRuntimes(t *testing.T, uid uint32) string {
	t.Helper()
	before := runtimes
	t.Cleanup(func() { runtimes = before })
	top, err := os.MkdirTemp("/tmp", "froyo-run-") // a short one, which every user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	place := filepath.Join(top, "1", "systemd")
	if uid != 1 {
		place = filepath.Join(top, "5", "systemd")
	}
	if err := os.MkdirAll(place, 0o755); err != nil {
		t.Fatal(err)
	}
	for at := place; at != "/tmp"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runtimes = top
	return place
}

func TestAUserWithoutAManagerIsToldWithWhatToDo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	inRuntimes(t, 5)
	_, err := busOf(games).dialUser(t.Context(), games)
	if code(err) != fault.NoManager || !strings.Contains(err.Error(), "loginctl enable-linger games") {
		t.Fatal(err)
	}
}

func TestALinkOfAUserLeadsNowhereThatTheUserMayNotGo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	place := inRuntimes(t, 5)
	for name, mode := range map[string]os.FileMode{"roots alone": 0o700, "for everybody": 0o777} {
		socket := filepath.Join(place, strings.ReplaceAll(name, " ", "-"))
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		if err := os.Chmod(socket, mode); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(place, "private")
		_ = os.Remove(link)
		if err := os.Symlink(socket, link); err != nil {
			t.Fatal(err)
		}
		if _, err := busOf(games).dialUser(t.Context(), games); code(err) != fault.Access && code(err) != fault.NotTheirs {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("root is root no more")
	}
}

func TestWhoSaysTooMuchIsNotListenedTo(t *testing.T) {
	near, far := net.Pipe()
	m := &measured{Conn: near}
	go func() { _, _ = far.Write(make([]byte, 2*longestGreeting)) }()
	buffer := make([]byte, 2*longestGreeting)
	if _, err := m.Read(buffer); err != errTooMuch {
		t.Fatal(err)
	}
	m.framed.Store(true)
	message := make([]byte, head+8+3, head+8+3+head)
	message[0] = 'l'
	binary.LittleEndian.PutUint32(message[4:], 3)
	binary.LittleEndian.PutUint32(message[12:], 5)
	go func() {
		_, _ = far.Write(message)
		message[0] = 'B'
		binary.BigEndian.PutUint32(message[4:], longestMessage+1)
		_, _ = far.Write(message[:head])
	}()
	near2 := &measured{Conn: near}
	near2.framed.Store(true)
	var got []byte
	for len(got) < len(message) {
		n, err := near2.Read(buffer[:7])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buffer[:n]...)
	}
	if got[0] != 'l' || len(got) != len(message) {
		t.Fatal(got)
	}
	if _, err := near2.Read(buffer); err != errTooMuch {
		t.Fatal(err)
	}
}

func TestWhatAManagerOfAUserSaysIsBoundedAndCanBeShown(t *testing.T) {
	told := Unit{ID: "app.service", Active: "act\x1b[2J", Path: "/a/../b", DropIns: []string{"/good", "bad"}, Type: strings.Repeat("x", 9000)}.toldBy("ann")
	if told.ID != "ann/app.service" || told.Active != "act\ufffd[2J" || told.Path != "" || !slices.Equal(told.DropIns, []string{"/good"}) || len(told.Type) > longestText {
		t.Fatalf("%+v", told)
	}
	if words := Why(Unit{ID: told.ID, Result: "start-limit-hit"}); !strings.Contains(words, "systemctl --user --machine=ann@ reset-failed app.service") {
		t.Fatal(words)
	}
}

func TestAManagerThatDoesNotAnswerIsNotAskedAgainForAWhile(t *testing.T) {
	place := inRuntimes(t, uint32(os.Geteuid()))
	if Lacking() != nil {
		before := booted
		booted = place
		t.Cleanup(func() { booted = before })
	}
	uid := uint32(os.Geteuid())
	mine := filepath.Join(filepath.Dir(filepath.Dir(place)), "0", "systemd")
	if uid != 0 {
		t.Skip("takes root")
	}
	if err := os.MkdirAll(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(mine, "private"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	usual := usersDialing
	usersDialing = 50 * time.Millisecond
	t.Cleanup(func() { usersDialing = usual })
	b := newBus(nil, nil, "root", func() (uint32, error) { return uid, nil })
	_, err = b.connect(context.Background())
	if code(err) != fault.Unreachable || !strings.Contains(err.Error(), "does not answer") {
		t.Fatal(err)
	}
	if b.silent == nil || time.Since(b.silentAt) > hanging {
		t.Fatal("it is forgotten")
	}
	if _, again := b.connect(context.Background()); again != err {
		t.Fatal(again)
	}
}

// answering is a program of a user that passes for a manager: it answers whatever it is asked, and says something more once it was greeted.
func answering(t *testing.T, listener net.Listener, more ...*dbus.Message) {
	socket, err := listener.Accept()
	if err != nil {
		return
	}
	defer socket.Close()
	from := bufio.NewReader(socket)
	for said := ""; said != "BEGIN\r\n"; {
		if said, err = from.ReadString('\n'); err != nil {
			return
		}
		switch {
		case strings.HasSuffix(said, "AUTH\r\n"):
			_, _ = socket.Write([]byte("REJECTED EXTERNAL\r\n"))
		case strings.HasPrefix(said, "AUTH"):
			_, _ = socket.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
		}
	}
	for {
		asked, err := dbus.DecodeMessage(from)
		if err != nil {
			return
		}
		answer := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(asked.Serial())}}
		for i, one := range append(more, answer) {
			var text bytes.Buffer
			if err := one.EncodeTo(&text, binary.LittleEndian); err != nil {
				t.Error(err)
			}
			said := text.Bytes()
			binary.LittleEndian.PutUint32(said[8:], uint32(i+1)) // a number, which each has to have
			if _, err := socket.Write(said); err != nil {
				return
			}
		}
	}
}

func message(kind dbus.Type, face, member string, body ...any) *dbus.Message {
	made := &dbus.Message{Type: kind, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldSender:    dbus.MakeVariant("org.freedesktop.DBus"),
		dbus.FieldInterface: dbus.MakeVariant(face),
		dbus.FieldMember:    dbus.MakeVariant(member),
		dbus.FieldPath:      dbus.MakeVariant(managerPath),
	}}
	if len(body) > 0 {
		made.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	return made
}

// met is the way to a program that passes for a manager of root's, which says something more with each answer.
func met(t *testing.T, more ...*dbus.Message) *Bus {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	place := filepath.Join(filepath.Dir(filepath.Dir(inRuntimes(t, games))), "0", "systemd")
	if err := os.MkdirAll(place, 0o755); err != nil {
		t.Fatal(err)
	}
	if Lacking() != nil {
		before := booted
		booted = place
		t.Cleanup(func() { booted = before })
	}
	listener, err := net.Listen("unix", filepath.Join(place, "private"))
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		answering(t, listener, more...)
	}()
	b := newBus(nil, nil, "root", func() (uint32, error) { return 0, nil })
	t.Cleanup(func() {
		b.Close()
		_ = listener.Close()
		<-over
	})
	return b
}

func (b *Bus) ping(t *testing.T) {
	t.Helper()
	line, err := b.connect(t.Context())
	if err == nil {
		err = line.call(t.Context(), managerPath, "it", "org.freedesktop.DBus.Peer.Ping", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatAManagerOfAUserSaysHarmsNobody(t *testing.T) {
	const bus = "org.freedesktop.DBus"
	b := met(t,
		message(dbus.TypeSignal, bus, "NameLost"),
		message(dbus.TypeSignal, bus, "NameAcquired", uint32(1)),
		message(dbus.TypeMethodCall, bus+".Peer", "Ping"),
		message(dbus.TypeSignal, manager, "Reloading"),
		message(dbus.TypeSignal, manager, "JobNew", "a"),
		message(dbus.TypeSignal, manager, "JobRemoved", map[string]string{}),
		message(dbus.TypeSignal, properties, "PropertiesChanged", map[string]string{}, "a"),
		message(dbus.TypeSignal, manager, "Reloading", false),
	)
	told := make(chan string, 1000)
	follower, err := b.Follow(t.Context(), []string{"a.service"}, nil, func(unit string, _ time.Time, _ evidence.Evidence) { told <- unit }, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Stop()
	b.ping(t)
	if unit := <-told; unit != "a.service" {
		t.Fatal(unit)
	}
	b.ping(t)
}

func TestAUserWhoHasAsMuchHappenAsCanBeIsToldOfNowAndThen(t *testing.T) {
	b := met(t)
	var told atomic.Int64
	heard := make(chan struct{}, 1)
	follower, err := b.Follow(t.Context(), []string{"a.service"}, nil, func(string, time.Time, evidence.Evidence) {
		told.Add(1)
		select {
		case heard <- struct{}{}:
		default:
		}
	}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	b.ping(t)
	for range 100_000 {
		b.tell(&dbus.Signal{Name: manager + ".UnitFilesChanged"})
	}
	<-heard
	follower.Stop()
	if told.Load() > 1000 {
		t.Fatal(told.Load())
	}
}

func TestUnitsAreThoseOfTheManagerBeforeTheirNames(t *testing.T) {
	if user, unit := Cut("ann/app.service"); user != "ann" || unit != "app.service" {
		t.Fatal(user, unit)
	}
	if user, unit := Cut("app.service"); user != "" || unit != "app.service" {
		t.Fatal(user, unit)
	}
	b := busOf(games)
	if got := b.selection("a.service"); !slices.Equal(got, []string{"_UID=5", "_SYSTEMD_USER_UNIT=a.service", "+", "_UID=5", "USER_UNIT=a.service"}) {
		t.Fatal(got)
	}
}
