package files

import (
	"os"
	"path/filepath"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/harness/fuse"
)

// Neither links, nor a renaming that replaces nothing, nor modes and owners of one's own: what is as wanted there is not set.
func TestAFileSystemThatCanDoLittle(t *testing.T) {
	harness.NeedRoot(t)
	for name, directory := range map[string]func(*testing.T) string{
		"FUSE": func(t *testing.T) string { return fuse.Mount(t).Directory },
		"vfat": func(t *testing.T) string { return harness.Image(t, "mkfs.vfat") },
	} {
		t.Run(name, func(t *testing.T) { canDoLittle(t, directory(t)) })
	}
}

func canDoLittle(t *testing.T, directory string) {
	h := harness.New(t, Commands)
	path := filepath.Join(directory, "file")
	absent := h.OK("file.stat", object{"path": path})["state"]
	made := h.OK("file.write", object{"path": path, "blob": h.Send("one\n"), "uid": 0, "gid": 0, "expect": absent})
	if made["mode"] != "0755" || harness.Content(t, path) != "one\n" {
		t.Fatal(made)
	}
	h.Fails(fault.Conflict, "file.write", object{"path": path, "blob": h.Send("two\n"), "expect": absent})
	changed := h.OK("file.write", object{"path": path, "blob": h.Send("two\n"), "mode": "0755", "owner": "root", "expect": made["state"], "backup": ".orig"})
	if changed["changed"] != true || harness.Content(t, path) != "two\n" || harness.Content(t, path+".orig") != "one\n" {
		t.Fatal(changed)
	}
	if again := h.OK("file.write", object{"path": path, "mode": "0755", "uid": 0}); again["changed"] != false {
		t.Fatal(again)
	}
	// What is asked for and cannot be had is no success, and leaves nothing.
	h.Fails(fault.Permission, "file.write", object{"path": path + ".private", "blob": h.Send("secret\n"), "mode": "0600", "expect": absent})
	h.Fails(fault.Permission, "file.write", object{"path": path, "mode": "0600"})
	if _, err := os.Lstat(path + ".private"); err == nil {
		t.Fatal("it is there")
	}
	h.Clean(directory)
}
