package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"
)

// asking starts a program by which people ask, with some arguments, and gives its process.
func asking(t *testing.T, arguments ...string) int {
	t.Helper()
	program := filepath.Join(t.TempDir(), "systemctl")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho\nread end\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, arguments...)
	in, _ := command.StdinPipe()
	out, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = out.Read(make([]byte, 1)) // its command line is its own by now
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
	})
	return command.Process.Pid
}

func TestWhoOnlyLooksAtAUnitHasNotAskedForAnything(t *testing.T) {
	stops := asking(t, "stop", "froyo-asked.service")
	asking(t, "is-active", "-q", "froyo-asked.service")
	asking(t, "--no-pager", "status", "froyo-asked.service")
	if found := AskerOf("froyo-asked.service"); found != stops {
		t.Fatalf("%d has asked, and not %d", stops, found)
	}
}

func TestAJobThatIsNotOursIsToldFromOurs(t *testing.T) {
	heard := newEndings([]string{"a.service"})
	begins := func(job dbus.ObjectPath, unit string) {
		heard.hear(&dbus.Signal{Name: manager + ".JobNew", Body: []any{uint32(1), job, unit}})
	}
	begins("/job/1", "a.service")
	begins("/job/2", "b.service")
	if heard.newerThan("/job/1", "a.service") {
		t.Fatal("nothing came after ours")
	}
	begins("/job/3", "a.service")
	if !heard.newerThan("/job/1", "a.service") {
		t.Fatal("something came after ours")
	}
}
