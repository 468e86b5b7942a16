package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asNobody starts the runner as an ordinary user, who owns the directory.
func asNobody(t *testing.T) (*client, string) {
	t.Helper()
	needRoot(t)
	const nobody = 65534
	directory := diskDir(t)
	if err := os.Chown(directory, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(built.path, "serve", "--sha256", built.sha256, "--signature", built.signature)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	c := launch(t, command)
	select {
	case c.ready = <-c.events[0]:
	case <-c.exited:
		t.Fatal(c.errors)
	}
	return c, directory
}

func TestAnOrdinaryUserIsToldWhatHeMayNotDo(t *testing.T) {
	c, directory := asNobody(t)
	at := func(name string) string { return filepath.Join(directory, name) }
	body := c.send([]byte("new"))
	foreign := diskDir(t)
	if err := os.Chmod(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(foreign, "file"), "theirs")
	if err := os.WriteFile(filepath.Join(foreign, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(foreign, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	c.fails("eacces", "file.write", object{"path": filepath.Join(foreign, "new"), "blob": body})
	c.fails("eacces", "file.write", object{"path": filepath.Join(foreign, "file"), "blob": body})
	c.fails("eperm", "file.write", object{"path": filepath.Join(foreign, "file"), "mode": "0600"})
	c.fails("eacces", "file.remove", object{"path": filepath.Join(foreign, "file")})
	c.fails("eacces", "file.stat", object{"path": filepath.Join(foreign, "secret")})
	c.fails("eacces", "file.read", object{"path": filepath.Join(foreign, "secret")})
	c.fails("eacces", "file.stat", object{"path": filepath.Join(closed, "file")})
	c.fails("eacces", "dir.list", object{"path": closed})
	c.fails("eacces", "dir.ensure", object{"path": filepath.Join(foreign, "new")})
	c.fails("eperm", "dir.ensure", object{"path": foreign, "mode": "0700"})
	c.fails("eacces", "dir.remove", object{"path": closed, "recursive": true})
	c.fails("eacces", "link.ensure", object{"path": filepath.Join(foreign, "link"), "to": "x"})
	c.fails("eperm", "file.write", object{"path": at("file"), "blob": body, "owner": "root"})
	c.fails("eperm", "link.ensure", object{"path": at("link"), "to": "x", "owner": "root"})

	if reply := c.ok("file.write", object{"path": at("file"), "blob": body, "mode": "0000", "owner": "nobody"}); reply["mode"] != "0000" || reply["owner"] != "nobody" {
		t.Fatal(reply)
	}
	// What one may not even read oneself can be changed, and replaced.
	if reply := c.ok("file.write", object{"path": at("file"), "mode": "0200"}); reply["mode"] != "0200" {
		t.Fatal(reply)
	}
	c.fails("eacces", "file.stat", object{"path": at("file")})
	c.ok("file.stat", object{"path": at("file"), "digest": false})
	c.fails("eacces", "file.write", object{"path": at("file"), "blob": body})
	if left := temporaries(t, directory); left != nil {
		t.Fatal(left)
	}
}

// A user cannot lead root's runner away from the path that was declared.
func TestLinksOfOthersAreNotFollowed(t *testing.T) {
	needRoot(t)
	c := start(t)
	directory := diskDir(t)
	if err := os.Chown(directory, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	trap, victim := filepath.Join(directory, "trap"), diskDir(t)
	if err := os.Symlink(victim, trap); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(victim, "file"), "untouched")
	below := filepath.Join(trap, "file")
	body := c.send([]byte("new"))
	for name, item := range map[string]object{
		"file.stat":   {"path": below},
		"file.read":   {"path": below},
		"file.write":  {"path": below, "blob": body},
		"file.remove": {"path": below},
		"dir.ensure":  {"path": below, "parents": true},
		"dir.remove":  {"path": below, "recursive": true},
		"dir.list":    {"path": below},
		"link.ensure": {"path": below, "to": "x"},
	} {
		c.fails("unsafe_symlink", name, item)
	}
	if content(t, filepath.Join(victim, "file")) != "untouched" {
		t.Fatal("led away")
	}
	if reply := c.ok("file.stat", object{"path": trap}); reply["type"] != "symlink" || reply["to"] != victim {
		t.Fatal(reply)
	}
}
