package packages

import (
	"context"
	"os"
	"strings"
	"testing"

	"froyo.dev/runner/internal/fault"
)

func TestWhatWasAskedBeforeIsAskedAgainOnlyWhereSomethingHasChanged(t *testing.T) {
	a, count := &asker{}, 0
	asked := question{argv: []string{"cat"}, stdin: "hello", scratch: func(directory string) (options, environment []string, err error) {
		count++
		if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info, err)
		}
		return []string{"-"}, nil, os.WriteFile(directory+"/file", nil, 0o600)
	}}
	for i, c := range []struct{ seen, stdin, want string }{{"1", "hello", "hello"}, {"1", "hello", "hello"}, {"1", "other", "other"}, {"2", "hello", "hello"}} {
		asked.stdin = c.stdin
		outcome, err := a.ask(context.Background(), c.seen, asked)
		if err != nil || string(outcome.Stdout) != c.want || outcome.Exit != 0 {
			t.Errorf("%d: %q %v", i, outcome.Stdout, err)
		}
	}
	if count != 3 {
		t.Errorf("it was asked %d times", count)
	}
}

func TestWhatAProgramWritesToGoesAgain(t *testing.T) {
	place := ""
	asked := question{argv: []string{"true"}, scratch: func(directory string) (options, environment []string, err error) {
		place = directory
		return nil, nil, nil
	}}
	if _, err := (&asker{}).ask(context.Background(), "", asked); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(place); !os.IsNotExist(err) || !strings.Contains(place, "froyo-packages-") {
		t.Error(place, err)
	}
}

func TestAManagerThatIsNotThereIsNotSupported(t *testing.T) {
	_, err := (&asker{}).ask(context.Background(), "", question{argv: []string{"froyo-no-such-program"}})
	if known := fault.From(without(err, "froyo-no-such-program", "apk"), "apk"); known.Code != fault.NotSupported || known.Message != "there is no apk here" {
		t.Error(known)
	}
	other := fault.New(fault.IO, "it is broken")
	if without(other, "apk", "apk") != error(other) || without(nil, "apk", "apk") != nil {
		t.Error("another fault stays what it is")
	}
}
