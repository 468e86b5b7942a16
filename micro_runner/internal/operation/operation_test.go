package operation

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/wire"
)

// The test binary is its own carrier.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == Mode {
		os.Exit(Carry(os.Args[2], execute.Commands()))
	}
	os.Exit(m.Run())
}

func item(name string, argv ...any) wire.Object {
	return wire.Object{wire.F("id", name), wire.F("argv", wire.Array(argv))}
}

// reply is what a result says, and the test ends where it says something else.
func reply(t *testing.T, result wire.Object, err error) wire.Object {
	t.Helper()
	said, ok := result.Get("ok")
	if err != nil || !ok {
		t.Fatalf("%v %v", result, err)
	}
	return said.(wire.Object)
}

func started(t *testing.T, directory string, what wire.Object) {
	t.Helper()
	if err := begin(directory, "exec.run", what); err != nil {
		t.Fatal(err)
	}
}

func settled(t *testing.T, directory string) int {
	t.Helper()
	for state(directory) == running {
		time.Sleep(time.Millisecond)
	}
	return state(directory)
}

func TestAnOperationEndsThoughNobodyWaitsForIt(t *testing.T) {
	directory, file := filepath.Join(t.TempDir(), "aaaaaaaa"), filepath.Join(t.TempDir(), "made")
	started(t, directory, item("aaaaaaaa", "sh", "-c", "echo out; echo err >&2; echo once >>"+file+"; exit 3"))
	if settled(t, directory) != ended {
		t.Fatal("it has no result")
	}
	result, err := read(directory, "exec.run")
	if exit, _ := reply(t, result, err).Get("exit"); exit != int64(3) {
		t.Fatalf("exit %v", exit)
	}
	if err := begin(directory, "exec.run", item("aaaaaaaa", "true")); !os.IsExist(err) {
		t.Fatalf("begun a second time: %v", err)
	}
	if content, _ := os.ReadFile(file); string(content) != "once\n" {
		t.Fatalf("%q", content)
	}
}

// What nobody refers to any more the garbage collector closes, and a lock is gone with its file.
func TestACarrierHoldsItsLockToTheEnd(t *testing.T) {
	t.Setenv("GOGC", "1")
	directory := filepath.Join(t.TempDir(), "aaaaaaaa")
	started(t, directory, item("aaaaaaaa", "sh", "-c", "for i in 1 2 3 4 5; do head -c 20000 /dev/zero; sleep 0.05; done"))
	if settled(t, directory) != ended {
		t.Fatal("whoever carried it out is taken for dead")
	}
}

// What was left of an operation whose carrier died held the password that it had been given.
func TestWhatIsToBeDoneIsOnNoDiskOnceItIsBegun(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "abababab")
	started(t, directory, item("abababab", "test", "!", "-e", filepath.Join(directory, "spec")))
	settled(t, directory)
	result, err := read(directory, "exec.run")
	if exit, _ := reply(t, result, err).Get("exit"); exit != int64(0) {
		t.Fatal("it is still there")
	}
}

func TestWhatCannotBeStartedSaysSo(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "bbbbbbbb")
	started(t, directory, item("bbbbbbbb", "no-such-program"))
	settled(t, directory)
	result, err := read(directory, "exec.run")
	if _, failed := result.Get("error"); err != nil || !failed {
		t.Fatalf("no error: %v %v", result, err)
	}
}

func TestACarrierThatDiedIsFoundOut(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "cccccccc")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	if state(directory) != running {
		t.Fatal("it has time to begin")
	}
	if err := os.WriteFile(filepath.Join(directory, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if state(directory) != gone {
		t.Fatal("nobody holds its lock")
	}
}

func TestARunIsFoundAgainAndForgotten(t *testing.T) {
	what := item("d00dd00dd00d", "sh", "-c", "echo hello")
	for range 2 {
		result, err := run(context.Background(), "exec.run", what)
		if out, _ := reply(t, result, err).Get("stdout"); out != "aGVsbG8K" {
			t.Fatalf("%v", out)
		}
	}
	if _, err := forget(what); err != nil {
		t.Fatal(err)
	}
	directory, err := named(what)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(directory); !os.IsNotExist(err) {
		t.Fatal("it is still there")
	}
}

func TestWhoeverWaitsMayGo(t *testing.T) {
	what := item("e00ee00ee00e", "sleep", "0.3")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := run(ctx, "exec.run", what); err == nil {
		t.Fatal("it waited")
	}
	if _, err := run(context.Background(), "exec.run", what); err != nil {
		t.Fatal(err)
	}
	if _, err := forget(what); err != nil {
		t.Fatal(err)
	}
}

func TestThoseThatAreToBeAloneRunOneAfterTheOther(t *testing.T) {
	base, file := t.TempDir(), filepath.Join(t.TempDir(), "seen")
	script := "echo begin >>" + file + "; sleep 0.1; echo end >>" + file
	for _, name := range []string{"a10ea10e", "b10eb10e", "c10ec10e"} {
		directory := filepath.Join(base, "op", name)
		if err := os.MkdirAll(filepath.Dir(directory), 0o700); err != nil {
			t.Fatal(err)
		}
		started(t, directory, append(item(name, "sh", "-c", script), wire.F("alone", "5ab5ec70")))
	}
	for _, name := range []string{"a10ea10e", "b10eb10e", "c10ec10e"} {
		if settled(t, filepath.Join(base, "op", name)) != ended {
			t.Fatal("it has no result")
		}
	}
	if content, _ := os.ReadFile(file); string(content) != strings.Repeat("begin\nend\n", 3) {
		t.Fatalf("%q", content)
	}
	if _, err := os.Stat(filepath.Join(base, "turn")); !os.IsNotExist(err) {
		t.Fatal("something is left")
	}
}

func TestNamesAreChecked(t *testing.T) {
	if _, err := run(context.Background(), "exec.run", item("../../etc", "true")); err == nil {
		t.Fatal("taken")
	}
}

func TestAnIdIsNoWayToWhatAnotherCommandHasDone(t *testing.T) {
	what := item("f00ff00ff00f", "sh", "-c", "echo secret")
	if _, err := run(context.Background(), "exec.run", what); err != nil {
		t.Fatal(err)
	}
	if result, err := run(context.Background(), "unit.control", what); err == nil {
		t.Fatalf("given %v", result)
	}
	if _, err := forget(what); err != nil {
		t.Fatal(err)
	}
}

func TestACommandThatDoesNotLastIsNotCarriedOut(t *testing.T) {
	what := item("ab0eab0eab0e", "true")
	result, err := run(context.Background(), "exec", what)
	if _, failed := result.Get("error"); err != nil || !failed {
		t.Fatalf("%v %v", result, err)
	}
	_, _ = forget(what)
}

// ours is a command of which it is known what was done here, and what by a carrier.
func ours(here *[]string) command.Command {
	return command.Command{Name: "exec.run", Lasts: true, Run: func(_ context.Context, call *command.Call) (wire.Array, error) {
		results := wire.Array{}
		for _, one := range call.Items {
			*here = append(*here, command.Text(one, "cwd"))
			results = append(results, command.OK(wire.Object{}))
		}
		return results, nil
	}}
}

func TestWithoutAnIdThingsAreDoneTogetherAndHere(t *testing.T) {
	var here, aside []string
	one := ours(&here)
	one.Aside = func(item wire.Object) func() {
		aside = append(aside, "begun "+command.Text(item, "id"))
		return func() { aside = append(aside, "over") }
	}
	named := item("cd0ecd0ecd0e", "sh", "-c", "echo there")
	items := []wire.Object{{wire.F("cwd", "/a")}, named, {wire.F("cwd", "/b")}}
	results, err := Apart([]command.Command{one})[0].Run(context.Background(), &command.Call{Items: items})
	if err != nil || len(results) != 3 {
		t.Fatalf("%v %v", results, err)
	}
	if out, _ := reply(t, results[1].(wire.Object), nil).Get("stdout"); out != "dGhlcmUK" {
		t.Fatalf("%v", out)
	}
	if !slices.Equal(here, []string{"/a", "/b"}) || !slices.Equal(aside, []string{"begun cd0ecd0ecd0e", "over"}) {
		t.Fatalf("%v %v", here, aside)
	}
	_, _ = forget(named)
}
