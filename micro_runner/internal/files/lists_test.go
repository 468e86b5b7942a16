package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/walk"
)

const daemon = 1

// foreign makes a directory that belongs to somebody else, whom everybody may visit.
func foreign(t *testing.T) string {
	t.Helper()
	harness.NeedRoot(t)
	directory := harness.Disk(t)
	give(t, directory, daemon, daemon, 0o755)
	return directory
}

func give(t *testing.T, path string, uid, gid int, mode uint32) {
	t.Helper()
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// withList puts a file there with a list that lets games read and write it, and its group nothing.
func withList(t *testing.T, path string, uid, gid int) string {
	t.Helper()
	harness.Put(t, path, "old")
	give(t, path, uid, gid, 0o600)
	harness.SetAttribute(t, path, acl.Access, harness.List(6, 6, 0, 6, 0))
	return path
}

// readable says whether games can read a file.
func readable(t *testing.T, path string) bool {
	t.Helper()
	cat := exec.Command("cat", path)
	cat.Dir = "/"
	cat.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: harness.Games, Gid: harness.Games}}
	err := cat.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Skip(err)
	}
	return err == nil
}

func TestAListThatTheFormerOwnerMadeGrantsNothingOfTheNewContent(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	for name, item := range map[string]object{
		"owner and group": {"uid": 0, "gid": 42, "mode": "0660"},
		"owner":           {"uid": 0, "mode": "0660"},
		"group":           {"gid": 42, "mode": "0660"},
	} {
		path := withList(t, filepath.Join(directory, name), daemon, daemon)
		harness.SetAttribute(t, path, "user.note", []byte("kept"))
		if !readable(t, path) {
			t.Fatal("the list has no effect")
		}
		item["path"], item["blob"] = path, h.Send("password")
		if reply := h.OK("file.write", item); reply["mode"] != "0660" || harness.Attribute(path, acl.Access) != "" || readable(t, path) {
			t.Errorf("%s: %v %q", name, reply, harness.Attribute(path, acl.Access))
		}
		if harness.Attribute(path, "user.note") != "kept" {
			t.Error("an attribute that grants nothing was lost")
		}
	}
	h.Clean(directory)
}

func TestAModeThatIsNotSaidGivesTheGroupNotWhatAListGaveOthers(t *testing.T) {
	h := harness.New(t, Commands)
	path := withList(t, filepath.Join(foreign(t), "file"), daemon, daemon)
	if reply := h.OK("file.write", object{"path": path, "blob": h.Send("new"), "uid": 0}); reply["mode"] != "0600" {
		t.Error(reply)
	}
	path = withList(t, path+"-2", daemon, daemon)
	if reply := h.OK("file.write", object{"path": path, "uid": 0}); reply["mode"] != "0600" {
		t.Error(reply)
	}
}

func TestAListGoesWithTheOwnerInPlaceToo(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	for name, item := range map[string]object{
		"from another": {"uid": 0, "mode": "0640"},
		"to another":   {"uid": 2, "mode": "0640"},
		"to a group":   {"gid": 42, "mode": "0640"},
	} {
		from := daemon
		if name != "from another" {
			from = 0
		}
		path := withList(t, filepath.Join(directory, name), from, from)
		item["path"] = path
		if reply := h.OK("file.write", item); reply["mode"] != "0640" || harness.Attribute(path, acl.Access) != "" || readable(t, path) {
			t.Errorf("%s: %v %q", name, reply, harness.Attribute(path, acl.Access))
		}
	}
}

func TestAListStaysWhileTheFileIsTheSameOnes(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	path := withList(t, filepath.Join(directory, "file"), daemon, daemon)
	h.OK("file.write", object{"path": path, "blob": h.Send("new"), "uid": daemon})
	if harness.Attribute(path, acl.Access) != string(harness.List(6, 6, 0, 6, 0)) {
		t.Error("replaced")
	}
	// The bits of the group are the most that anybody in the list gets.
	if reply := h.OK("file.write", object{"path": path, "mode": "0640", "uid": daemon}); reply["mode"] != "0640" ||
		harness.Attribute(path, acl.Access) != string(harness.List(6, 6, 0, 4, 0)) {
		t.Error("changed in place")
	}
	h.OK("file.write", object{"path": path, "blob": h.Send("newer"), "mode": "0600"})
	if harness.Attribute(path, acl.Access) != string(harness.List(6, 6, 0, 0, 0)) || readable(t, path) {
		t.Error("0600 leaves something to others")
	}
}

// Root's own files have lists, too: by a link or a renaming they come to where another content is due.
func TestAListMayBeMeantForAnotherFileWhereOthersCanPutOne(t *testing.T) {
	h := harness.New(t, Commands)
	for name, mode := range map[string]uint32{"belongs to another": 0o755, "is for all": 0o1777, "is for a group": 0o775} {
		directory := foreign(t)
		if name != "belongs to another" {
			give(t, directory, 0, daemon, mode)
		}
		path := withList(t, filepath.Join(directory, "file"), 0, 0)
		h.OK("file.write", object{"path": path, "blob": h.Send("password"), "mode": "0640", "backup": ".orig"})
		if harness.Attribute(path, acl.Access) != "" || readable(t, path) {
			t.Errorf("a directory that %s: %q", name, harness.Attribute(path, acl.Access))
		}
		if harness.Attribute(path+".orig", acl.Access) == "" {
			t.Error("the old content is no more for whom it was")
		}
	}
}

func TestACopyForABackupKeepsItsList(t *testing.T) {
	h := harness.New(t, Commands)
	path := withList(t, filepath.Join(foreign(t), "file"), 0, 0)
	j := &job{wanted: wanted{path: path, hasBlob: true}, name: "file"}
	places := map[string]*place{}
	if err := j.find(places, h.Host); err != nil {
		t.Fatal(err)
	}
	defer j.dir.close()
	old, err := (&look{path: path, wish: wishAll}).closely(t.Context(), h.Host, &walk.Cache{})
	if err != nil {
		t.Fatal(err)
	}
	draft, err := j.copyOld(h.Host.Temps, &old)
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Replace("file.orig"); err != nil {
		t.Fatal(err)
	}
	if harness.Attribute(path+".orig", acl.Access) != harness.Attribute(path, acl.Access) {
		t.Fatalf("%q", harness.Attribute(path+".orig", acl.Access))
	}
}

func TestWhoOwnsADirectoryHasNoSayInWhoReadsAnothersFileInIt(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	harness.SetAttribute(t, directory, acl.Default, harness.List(7, 7, 5, 7, 5))
	path := filepath.Join(directory, "file")
	for _, content := range []string{"created", "replaced"} {
		h.OK("file.write", object{"path": path, "blob": h.Send(content), "mode": "0640"})
		if harness.Attribute(path, acl.Access) != "" || readable(t, path) {
			t.Errorf("%s: %q", content, harness.Attribute(path, acl.Access))
		}
	}
	own := filepath.Join(directory, "own")
	h.OK("file.write", object{"path": own, "blob": h.Send("x"), "mode": "0640", "uid": daemon})
	if harness.Attribute(own, acl.Access) == "" {
		t.Error("he has no say in who reads his own, either")
	}
}

// A directory that a group shares gives each file the list that root has made for it, with each content.
func TestWhatIsPutIntoASharedDirectoryGetsItsList(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	give(t, directory, 0, daemon, 0o2775)
	harness.SetAttribute(t, directory, acl.Default, harness.List(7, 7, 5, 7, 5))
	path := filepath.Join(directory, "file")
	for _, content := range []string{"created", "replaced"} {
		h.OK("file.write", object{"path": path, "blob": h.Send(content), "mode": "0640"})
		if harness.Attribute(path, acl.Access) != string(harness.List(6, 7, 5, 4, 0)) {
			t.Errorf("%s: %q", content, harness.Attribute(path, acl.Access))
		}
	}
}

func TestNoCapabilitySurvivesAChangeOfOwner(t *testing.T) {
	h := harness.New(t, Commands)
	directory := foreign(t)
	for name, item := range map[string]object{"replaced": {"uid": 2, "blob": h.Send("new")}, "in place": {"uid": 2}} {
		path := harness.Put(t, filepath.Join(directory, name), "old")
		harness.SetAttribute(t, path, "security.capability", []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		item["path"] = path
		h.OK("file.write", item)
		if harness.Attribute(path, "security.capability") != "" {
			t.Error(name)
		}
	}
}

func TestFilesAreWrittenWhereThereAreNoLists(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	directory := t.TempDir()
	run(t, "mount", "-t", "ramfs", "ramfs", directory)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", directory).Run() })
	if err := syscall.Setxattr(directory, acl.Access, harness.List(7, 7, 5, 7, 5), 0); err != syscall.EOPNOTSUPP {
		t.Skip(err)
	}
	give(t, directory, daemon, daemon, 0o755)
	path := filepath.Join(directory, "file")
	h.OK("file.write", object{"path": path, "blob": h.Send("one"), "uid": daemon})
	h.OK("file.write", object{"path": path, "blob": h.Send("two"), "uid": 0})
	if reply := h.OK("file.write", object{"path": path, "uid": 2, "mode": "0640"}); reply["uid"] != int64(2) || reply["mode"] != "0640" {
		t.Fatal(reply)
	}
}
