package links

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

type object = harness.Object

func target(t *testing.T, path string) string {
	t.Helper()
	to, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestEnsureMakesAndReplacesALink(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := filepath.Join(directory, "link")
	for _, to := range []string{"one", "../two/caf\xe9", "/three"} {
		reply := h.OK("link.ensure", object{"path": path, "to": to})
		if reply["changed"] != true || reply["type"] != "symlink" || reply["to"] != to || target(t, path) != to {
			t.Fatal(reply)
		}
		if again := h.OK("link.ensure", object{"path": path, "to": to, "expect": reply["state"]}); again["changed"] != false || again["state"] != reply["state"] {
			t.Fatal(again)
		}
	}
	file := harness.Put(t, filepath.Join(directory, "file"), "x")
	h.OK("link.ensure", object{"path": file, "to": "x"})
	if target(t, file) != "x" {
		t.Fatal("a regular file was not replaced")
	}
	h.Clean(directory)
}

func TestEnsureWorksWithTheLongestNames(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), strings.Repeat("n", 250)+".link")
	for _, to := range []string{"a", strings.Repeat("t", 4095)} {
		if reply := h.OK("link.ensure", object{"path": path, "to": to}); reply["to"] != to {
			t.Fatal(reply)
		}
	}
}

func TestEnsureSetsTheOwnerOfTheLinkItself(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	victim := harness.Put(t, filepath.Join(directory, "victim"), "x")
	path := filepath.Join(directory, "link")
	if reply := h.OK("link.ensure", object{"path": path, "to": "victim", "owner": "daemon"}); reply["owner"] != "daemon" || reply["group"] != "root" {
		t.Fatal(reply)
	}
	if reply := h.OK("link.ensure", object{"path": path, "to": "victim", "gid": 2}); reply["changed"] != true || reply["owner"] != "daemon" || reply["gid"] != int64(2) {
		t.Fatal(reply)
	}
	stat, err := os.Stat(victim)
	if err != nil || stat.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Fatal("the link was followed")
	}
}

func TestEnsureRefuses(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := filepath.Join(directory, "link")
	h.Fails(fault.BadRequest, "link.ensure", object{"path": path})
	h.Fails(fault.BadRequest, "link.ensure", object{"path": path, "to": "a\x00b"})
	h.Fails(fault.BadRequest, "link.ensure", object{"path": path, "to": strings.Repeat("x", 5000)})
	h.Fails(fault.Conflict, "link.ensure", object{"path": path, "to": "x", "expect": "sha256:other"})
	h.Fails(fault.IsDirectory, "link.ensure", object{"path": directory, "to": "x"})
	h.Fails(fault.NotFound, "link.ensure", object{"path": path + "/below", "to": "x"})
	pipe := filepath.Join(directory, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Fails(fault.WrongType, "link.ensure", object{"path": pipe, "to": "x"})
	harness.NeedRoot(t)
	file := harness.Put(t, filepath.Join(directory, "file"), "x")
	if exec.Command("chattr", "+i", file).Run() != nil {
		t.Skip("chattr does not work here")
	}
	h.Fails(fault.Immutable, "link.ensure", object{"path": file, "to": "x"})
	_ = exec.Command("chattr", "-i", file).Run()
	other := harness.Put(t, filepath.Join(directory, "other"), "x")
	if exec.Command("mount", "--bind", file, other).Run() != nil {
		t.Skip("mount does not work here")
	}
	h.Fails(fault.MountPoint, "link.ensure", object{"path": other, "to": "x"})
	_ = exec.Command("umount", "-l", other).Run()
	_ = exec.Command("chattr", "+i", directory).Run()
	h.Fails(fault.Immutable, "link.ensure", object{"path": path, "to": "x"})
	_ = exec.Command("chattr", "-i", directory).Run()
	h.Clean(directory)
}
