package execute

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"froyo.dev/runner/internal/fault"
)

func shell(t *testing.T, script string) Outcome {
	t.Helper()
	outcome, err := Run(context.Background(), Spec{Argv: []string{"sh", "-c", script}, Directory: "/", MaxOutput: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// A validation command that did this ended the session, and all that was under way on the target.
func TestAProgramThatEndsItsParentEndsNobodyElse(t *testing.T) {
	outcome := shell(t, "kill -9 $PPID; sleep 60")
	if outcome.Signal != "SIGKILL" || !strings.Contains(string(outcome.Stderr), "does it end its parent?") {
		t.Fatalf("%+v", outcome)
	}
	if outcome := shell(t, "kill -TERM $PPID; kill -HUP $PPID; kill -INT $PPID; echo on; exit 3"); outcome.Exit != 3 || string(outcome.Stdout) != "on\n" {
		t.Fatalf("%+v", outcome)
	}
}

func TestHowAProgramEndsIsPassedOn(t *testing.T) {
	if outcome := shell(t, "echo out; echo err >&2; exit 7"); outcome.Exit != 7 || outcome.Signal != "" || string(outcome.Stdout) != "out\n" || string(outcome.Stderr) != "err\n" {
		t.Fatalf("%+v", outcome)
	}
	if outcome := shell(t, "kill -SEGV $$"); outcome.Exit != -1 || outcome.Signal != "SIGSEGV" {
		t.Fatalf("%+v", outcome)
	}
	if outcome := shell(t, "test ! -e /proc/$$/fd/3"); outcome.Exit != 0 {
		t.Fatal("it has the pipe of its guard")
	}
}

func TestWhatHasBeenGivenUpIsAskedToEndAndEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	file := t.TempDir() + "/asked"
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := Run(ctx, Spec{Argv: []string{"sh", "-c", "trap 'echo >" + file + "; exit' TERM; while :; do sleep 0.01; done"}, Directory: "/"})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal("it was not asked")
	}
}

func TestWhatCannotBeBegunSaysSoThroughItsGuard(t *testing.T) {
	_, err := Run(context.Background(), Spec{Argv: []string{"/nowhere/program"}, Directory: "/"})
	var why *fault.Fault
	if !errors.As(err, &why) || why.Code != fault.CommandNotFound {
		t.Fatal(err)
	}
}
