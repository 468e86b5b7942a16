package units

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/wire"
)

// What asks is guarded by another process of the same program.
func TestMain(m *testing.M) {
	if len(os.Args) >= 4 && os.Args[1] == execute.GuardMode {
		os.Exit(execute.Guard(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

func item(fields ...any) wire.Object {
	object := wire.Object{}
	for i := 0; i < len(fields); i += 2 {
		object = append(object, wire.F(fields[i].(string), fields[i+1]))
	}
	return object
}

func TestAnOrderIsCheckedBeforeAnythingIsDone(t *testing.T) {
	actions := wire.Array{"start"}
	for name, one := range map[string]wire.Object{
		"not the full name":     item("unit", "nginx", "actions", actions),
		"..":                    item("unit", "../nginx.service", "actions", actions),
		"nothing is called":     item("unit", "nginx.service", "actions", wire.Array{"explode"}),
		"nothing is to be done": item("unit", "nginx.service"),
	} {
		if _, err := orderOf(one); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	order, err := orderOf(item("unit", "nginx.service", "actions", wire.Array{"enable", "start"}, "timeout_ms", int64(5000)))
	if err != nil || !order.Actions["enable"] || !order.Actions["start"] || order.Timeout.Seconds() != 5 || order.Settle != 0 {
		t.Fatalf("%+v %v", order, err)
	}
}

func TestWhatMovedSinceItWasLookedAtIsNotTouched(t *testing.T) {
	before := systemd.Unit{ID: "nginx.service", Load: "loaded", Active: "active", Sub: "running", Started: 1}
	order, err := orderOf(item("unit", "nginx.service", "actions", wire.Array{"stop"}, "expect", stateOf(&before)))
	if err != nil || order.Expect(before) != nil {
		t.Fatalf("%v", err)
	}
	for name, change := range map[string]func(*systemd.Unit){
		"it was stopped":           func(u *systemd.Unit) { u.Active, u.Sub = "inactive", "dead" },
		"it was started anew":      func(u *systemd.Unit) { u.Started = 2 },
		"it was enabled":           func(u *systemd.Unit) { u.FileState = "enabled" },
		"it was reloaded":          func(u *systemd.Unit) { u.Changed = 9 },
		"its files have changed":   func(u *systemd.Unit) { u.NeedReload = true },
		"it is another one's name": func(u *systemd.Unit) { u.ID = "other.service" },
	} {
		now := before
		change(&now)
		if order.Expect(now) == nil {
			t.Errorf("%s, and nothing is said", name)
		}
	}
}

func TestAUnitIsInOneItemOfACommandOnly(t *testing.T) {
	one := item("unit", "no-such-unit-at-all.service", "actions", wire.Array{"stop"})
	call := &command.Call{Items: []wire.Object{item("unit", "x"), one, one}}
	results, err := control(context.Background(), systemd.NewManagers(owner.NewNames(), Journal), call)
	if err != nil || len(results) != 3 {
		t.Fatalf("%v %v", results, err)
	}
	text := string(wire.Append(nil, results[2]))
	if !strings.Contains(text, "twice in one command") || !strings.Contains(text, "bad_request") {
		t.Fatal(text)
	}
}

func TestAReplyHasWhatSystemdSaysAndNothingThatIsNot(t *testing.T) {
	unit := systemd.Unit{ID: "a.service", Load: "loaded", Active: "active", Started: 5}
	told := reply(&unit)
	for _, field := range []string{"flapping", "load_error"} {
		if _, there := told.Get(field); there {
			t.Errorf("%s is told", field)
		}
	}
	unit.Flapping, unit.LoadError = true, "Unit has a bad setting"
	told = reply(&unit)
	if value, _ := told.Get("flapping"); value != true || command.Text(told, "load_error") != unit.LoadError {
		t.Fatalf("%v", told)
	}
	if state := command.Text(told, "state"); state != stateOf(&unit) || !strings.HasPrefix(state, "sha256:") {
		t.Fatal(state)
	}
}

func TestWhatAProcessRunsAndIsReplacedOnTheDiskIsTold(t *testing.T) {
	proc := t.TempDir()
	directory := filepath.Join(proc, "7")
	if err := os.Mkdir(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr/sbin/served.dpkg-tmp (deleted)", filepath.Join(directory, "exe")); err != nil {
		t.Fatal(err)
	}
	maps := "55d0-55d1 r-xp 0000 08:01 12 /usr/lib/libssl.so.3 (deleted)\n" +
		"55d0-55d1 r--p 0000 08:01 12 /usr/lib/data (deleted)\n" +
		"55d0-55d1 r-xp 0000 08:01 13                 /usr/lib/libc.so.6\n" +
		"55d0-55d1 r-xp 0000 00:01 14 /memfd:jit (deleted)\n" +
		"55d0-55d1 rwxp 0000 00:00 0\n"
	if err := os.WriteFile(filepath.Join(directory, "maps"), []byte(maps), 0o644); err != nil {
		t.Fatal(err)
	}
	if found := replaced(proc, 7); !slices.Equal(found, []string{"/usr/lib/libssl.so.3", "/usr/sbin/served"}) {
		t.Fatal(found)
	}
	if found := replaced(proc, 8); len(found) != 0 {
		t.Fatal(found)
	}
}

func TestTheEndOfAJournalIsBoundedAndCanBeShown(t *testing.T) {
	if text := shown("one\ttwo\033[31m\n\377three\n"); text != "one two\ufffd[31m\n\ufffdthree" {
		t.Errorf("%q", text)
	}
	long := shown(strings.Repeat(strings.Repeat("0", 400)+"\n", 10))
	if len(long) > longestJournal || !strings.HasSuffix(long, "…") || !strings.Contains(long, "\n") {
		t.Errorf("%d bytes", len(long))
	}
	if text := shown(""); text != "" {
		t.Errorf("%q", text)
	}
}

func TestWhetherSystemdTakesATimeIsAsked(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		_, err := due(context.Background(), item("expression", "daily"))
		if why := fault.From(err, ""); why.Code != fault.CommandNotFound {
			t.Fatalf("%v", err)
		}
		t.Skip("there is no systemd-analyze here")
	}
	for expression, valid := range map[string]bool{"Mon..Fri 02:30": true, "when it rains": false, "--help": false} {
		reply, err := due(context.Background(), item("expression", expression))
		said, _ := reply.Get("error")
		if got, _ := reply.Get("valid"); err != nil || got != valid || (said != nil) == valid {
			t.Errorf("%s: %v %v", expression, reply, err)
		}
	}
	if _, err := due(context.Background(), item()); err == nil {
		t.Error("nothing is a time")
	}
}

func TestWhatAJournalSaysIsToldInOrder(t *testing.T) {
	entries := `{"MESSAGE":"last\nof all","__CURSOR":"s=1"}` + "\n" + `{"MESSAGE":[102,255,114]}` + "\n" + `{"MESSAGE":null}` + "\n" + `{"MESSAGE":"fir` + "\n"
	if got := messages(entries, time.Time{}); got != "f\xffr\nlast\nof all" {
		t.Fatalf("%q", got)
	}
	if got := messages("", time.Time{}); got != "" {
		t.Fatal(got)
	}
}

// A reload that fails twice within a second was told with what the first one had said, since journalctl counts in whole seconds.
func TestOfAnAttemptBeforeInTheSameSecondNothingIsTold(t *testing.T) {
	entries := `{"MESSAGE":"second","__REALTIME_TIMESTAMP":"1700000000000600"}` + "\n" +
		`{"MESSAGE":"this is it","__REALTIME_TIMESTAMP":"1700000000000500"}` + "\n" + `{"MESSAGE":"first","__REALTIME_TIMESTAMP":"1700000000000499"}` + "\n"
	if got := messages(entries, time.UnixMicro(1700000000000500)); got != "this is it\nsecond" {
		t.Fatalf("%q", got)
	}
	if got := messages(entries, time.Time{}); got != "first\nthis is it\nsecond" {
		t.Fatalf("%q", got)
	}
}
