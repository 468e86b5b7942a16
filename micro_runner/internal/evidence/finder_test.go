package evidence

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/owner"
)

func quietly() func() { return func() {} }

// process makes one in a /proc of the test's own; whoever reads the command line of one that hangs waits until somebody writes it.
func process(t *testing.T, root string, pid int, hangs bool) (commandLine string) {
	t.Helper()
	directory := filepath.Join(root, strconv.Itoa(pid))
	commandLine = directory + "/cmdline"
	err := os.Mkdir(directory, 0o755)
	if err == nil {
		err = os.WriteFile(directory+"/status", []byte("Name:\tvim\nState:\tS\nPPid:\t0\nUid:\t0 0 0 0\n"), 0o644)
	}
	if err == nil && hangs {
		err = syscall.Mkfifo(commandLine, 0o644)
	} else if err == nil {
		err = os.WriteFile(commandLine, []byte("vim\x00/etc/motd\x00"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return commandLine
}

// A process can make the reading of its command line last for ever: no other change was told any more.
func TestAProcessThatHoldsItsLookupUpHoldsNobodyElseUp(t *testing.T) {
	f := NewFinder(owner.NewNames(), quietly)
	f.root = t.TempDir()
	process(t, f.root, 1, false)
	var hanging []string
	for pid := range maxThreads {
		hanging = append(hanging, process(t, f.root, 100+pid, true))
	}
	known := func(pid int) bool { return f.Lookup(pid, time.Hour).Command == "vim /etc/motd" }
	for pid := range maxThreads {
		if !known(1) {
			t.Fatal(pid)
		}
		for range 2 { // the second time it is not even tried
			if e := f.Lookup(100+pid, time.Millisecond); e.PID != 100+pid || e.Command != "" || e.Ended {
				t.Fatal(e)
			}
		}
	}
	if e := f.Lookup(1, time.Hour); e.Command != "" || e.PID != 1 {
		t.Fatal("all threads are held up", e)
	}
	// One comes to its end, and is used again.
	if err := os.WriteFile(hanging[1], []byte("late\x00"), 0); err != nil {
		t.Fatal(err)
	}
	for !known(1) {
		time.Sleep(time.Millisecond)
	}
	if !known(1) {
		t.Fatal("its answer was another's")
	}
	f.Close()
	for _, at := range []int{0, 2, 3} {
		if err := os.WriteFile(hanging[at], nil, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// What has been held up and is not needed any more ends.
func TestAThreadTooManyEnds(t *testing.T) {
	f := NewFinder(owner.NewNames(), quietly)
	f.root = t.TempDir()
	process(t, f.root, 1, false)
	commandLine := process(t, f.root, 100, true)
	f.Lookup(100, time.Millisecond)
	held := f.held[0]
	if f.Lookup(1, time.Hour).Command == "" {
		t.Fatal("it is not looked up")
	}
	if err := os.WriteFile(commandLine, []byte("late\x00"), 0); err != nil {
		t.Fatal(err)
	}
	for len(f.held) > 0 {
		f.Lookup(1, time.Hour)
	}
	if f.idle == nil || f.idle == held {
		t.Fatal("the one that came late is kept")
	}
	f.Close()
}
