package boot

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const cause, other = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"

// machine is a host that notes how often it is to be started anew, and is started anew by being given another boot.
type machine struct {
	host
	t      *testing.T
	orders int
}

func made(t *testing.T, files map[string]string) *machine {
	m := &machine{host: host{root: t.TempDir()}, t: t}
	m.order = func(context.Context) error { m.orders++; return nil }
	m.put(map[string]string{
		"/proc/sys/kernel/random/boot_id": "first\n", "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
		"/run/systemd/system/x": "", "/var/lib/dpkg/status": "", "/proc/uptime": "100.50 1.00\n", going + ".old": "",
	})
	m.put(files)
	return m
}

func (m *machine) put(files map[string]string) {
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(m.root+path), 0o755); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(m.root+path, []byte(content), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
}

// asked asks for it, by somebody who does not wait.
func (m *machine) asked(id, boot string) (wire.Object, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return m.again(ctx, wire.Object{wire.F("id", id), wire.F("boot_id", boot)})
}

func TestOfOneCauseItIsStartedAnewOnce(t *testing.T) {
	m := made(t, nil)
	for range 2 { // whoever asks again before it has gone down has it told once more: nothing is lost by that
		if _, err := m.asked(cause, "first"); err == nil {
			t.Fatal("it has an answer")
		}
	}
	m.put(map[string]string{"/proc/sys/kernel/random/boot_id": "second\n"})
	if reply, err := m.asked(cause, "first"); err != nil || command.Text(reply, "boot_id") != "second" {
		t.Fatalf("%v %v", reply, err)
	}
	if m.orders != 2 {
		t.Fatalf("%d orders", m.orders)
	}
	if _, err := m.asked(other, "first"); fault.From(err, "").Code != fault.Conflict {
		t.Fatalf("of another boot: %v", err)
	}
	_, _ = m.asked(other, "second")
	if noted := m.noted(); noted.id != other || noted.boot != "second" || m.orders != 3 {
		t.Fatalf("%v %d", noted, m.orders)
	}
}

// A kernel that the boot loader does not take asks for another boot for ever: beside each package that asks, too, it is one cause.
func TestOfACauseThatStaysItIsNotStartedAnewOnceMoreForEachThatGoes(t *testing.T) {
	m := made(t, nil)
	kernel, libc, ssl := strings.Repeat("1", 32), strings.Repeat("2", 32), strings.Repeat("3", 32)
	boots := 0
	asked := func(id string, causes ...any) {
		t.Helper()
		before := m.noted()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		boot := "boot-" + strconv.Itoa(boots)
		m.put(map[string]string{"/proc/sys/kernel/random/boot_id": boot + "\n"})
		orders := m.orders
		_, _ = m.again(ctx, wire.Object{wire.F("id", id), wire.F("boot_id", boot), wire.F("causes", wire.Array(causes))})
		if m.orders == orders && !reflect.DeepEqual(m.noted(), before) {
			t.Fatal("nothing was done, and another thing is on the disk")
		}
	}
	asked(cause, kernel)
	boots++
	asked(other, kernel, libc)
	if m.orders != 2 {
		t.Fatalf("%d orders", m.orders)
	}
	asked(cause, kernel) // it has not gone down for the package, which asks no more
	boots++
	asked(cause, kernel)
	asked(ssl, ssl)
	boots++
	asked(cause, kernel)
	if m.orders != 3 {
		t.Fatalf("%d orders", m.orders)
	}
	reply, err := m.stat()
	if tried, _ := reply.Get("tried"); err != nil || len(tried.(wire.Array)) != 3 {
		t.Fatalf("%v %v", reply, err)
	}
	for number := range 40 {
		boots++
		asked(cause+strconv.Itoa(number), libc+strconv.Itoa(number))
	}
	if noted := m.noted(); len(noted.causes) != most || noted.causes[0].id != libc+"39" {
		t.Fatalf("%v", noted)
	}
}

func TestWhatIsOnTheDiskAndIsNoNoteIsNone(t *testing.T) {
	for content, id := range map[string]string{
		"": "", "x y\n": "", cause + "\n": "", cause + " first\n": cause, cause + " first\n" + other + " first second\n": cause,
	} {
		if found := made(t, map[string]string{place: content}).noted(); found.id != id || len(found.causes) != 0 {
			t.Errorf("%q: %v", content, found)
		}
	}
}

func TestWhatIsInTheWayIsSaidAndNothingIsDone(t *testing.T) {
	for name, one := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a shutdown":   {map[string]string{"/run/systemd/shutdown/scheduled": "USEC=1700000000000000\nWARN_WALL=1\nMODE=poweroff\n"}, "a poweroff already for 2023-11-14"},
		"an inhibitor": {map[string]string{"/run/systemd/inhibit/1": "WHAT=sleep:shutdown\nMODE=block\nWHO=backup\nWHY=a dump is written\n"}, "backup does not want"},
	} {
		m := made(t, one.files)
		reply, err := m.stat()
		obstacles, _ := reply.Get("obstacles")
		if err != nil || len(obstacles.(wire.Array)) != 1 {
			t.Errorf("%s: %v %v", name, reply, err)
		}
		if _, err := m.asked(cause, "first"); err == nil || !strings.Contains(err.Error(), one.says) || m.orders != 0 {
			t.Errorf("%s: %v, %d orders", name, err, m.orders)
		}
	}
	m := made(t, map[string]string{"/run/systemd/inhibit/1": "WHAT=shutdown\nMODE=delay\nWHO=x\nWHY=y\n"})
	if len(m.obstacles()) != 0 {
		t.Error("who only delays it is in nobody's way")
	}
}

func TestWhetherAKernelIsNewer(t *testing.T) {
	m := made(t, map[string]string{
		"/boot/vmlinuz-6.1.0-9-amd64": "", "/boot/vmlinuz-6.1.0-18-amd64": "", "/boot/vmlinuz-6.9.0-1-rt-amd64": "", "/boot/vmlinuz-odd": "",
	})
	if newer := m.newest("6.1.0-18-amd64"); newer != "" {
		t.Error(newer)
	}
	m.put(map[string]string{"/boot/vmlinuz-6.1.0-21-amd64": "", "/boot/vmlinuz-6.1.0-100-amd64": ""})
	if newer := m.newest("6.1.0-18-amd64"); newer != "6.1.0-100-amd64" {
		t.Error(newer)
	}
	if newer := m.newest("strange"); newer != "" {
		t.Error(newer)
	}
}

func TestWhatAsksForItIsTold(t *testing.T) {
	m := made(t, map[string]string{"/run/reboot-required": "*** restart\n", "/run/reboot-required.pkgs": "libc6\nlinux-image\nlibc6\n"})
	reply, err := m.stat()
	said := string(wire.Append(nil, reply))
	if err != nil || !strings.Contains(said, `"packages":["libc6","linux-image"]`) || !strings.Contains(said, `"boot_id":"first"`) {
		t.Fatalf("%s %v", said, err)
	}
}

func TestANameIsChecked(t *testing.T) {
	if _, err := made(t, nil).asked("../x", "first"); fault.From(err, "").Code != fault.BadRequest {
		t.Fatal(err)
	}
	causes := wire.F("causes", wire.Array{"../x"})
	if _, err := made(t, nil).again(context.Background(), wire.Object{wire.F("id", cause), causes}); fault.From(err, "").Code != fault.BadRequest {
		t.Fatal(err)
	}
}

func TestWhatIsNotTheirsIsNotWrittenTo(t *testing.T) {
	m := made(t, map[string]string{"/elsewhere/x": "", "/var/lib/x": ""})
	if err := os.Symlink(m.root+"/elsewhere", m.root+directory); err != nil {
		t.Fatal(err)
	}
	if _, err := m.asked(cause, "first"); fault.From(err, "").Code != fault.NotTheirs || m.orders != 0 {
		t.Fatal(err)
	}
}

// Somebody else than who said it asks in the second before the host goes down, which looks as ever then.
func TestThatItIsAboutToGoDownIsSaidAsLongAsThatIsBelieved(t *testing.T) {
	m := made(t, nil)
	goingMs := func() any {
		reply, err := m.stat()
		if err != nil {
			t.Fatal(err)
		}
		within, _ := reply.Get("going_ms")
		return within
	}
	if within := goingMs(); within != nil {
		t.Fatal(within)
	}
	_, _ = m.asked(cause, "first")
	m.put(map[string]string{"/proc/uptime": "160.50 1.00\n"})
	if within := goingMs(); within != int64(240_000) {
		t.Fatal(within)
	}
	m.put(map[string]string{"/proc/uptime": "400.60 1.00\n"}) // it has hung, and who waited for it is no more
	if within := goingMs(); within != nil {
		t.Fatal(within)
	}
	m.order = func(context.Context) error { return fault.New(fault.IO, "systemd does not want to") }
	if _, err := m.asked(cause, "first"); err == nil || goingMs() != nil {
		t.Fatal(err, goingMs())
	}
}
