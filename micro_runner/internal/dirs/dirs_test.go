package dirs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/walk"
)

type object = harness.Object

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mount(t *testing.T, directory string) {
	t.Helper()
	harness.NeedRoot(t)
	if output, err := exec.Command("mount", "-t", "tmpfs", "tmpfs", directory).CombinedOutput(); err != nil {
		t.Skipf("mount: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", directory).Run() })
}

func chattr(t *testing.T, attribute, path string) {
	t.Helper()
	harness.NeedRoot(t)
	if output, err := exec.Command("chattr", attribute, path).CombinedOutput(); err != nil {
		t.Skipf("chattr: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-"+attribute[1:], path).Run() })
}

func TestEnsureMakesOneDirectory(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "new")
	reply := h.OK("dir.ensure", object{"path": path, "mode": "1777"})
	if reply["changed"] != true || reply["type"] != "directory" || reply["mode"] != "1777" || reply["size"] != nil {
		t.Fatal(reply)
	}
	if again := h.OK("dir.ensure", object{"path": path, "mode": "1777", "expect": reply["state"]}); again["changed"] != false || again["state"] != reply["state"] {
		t.Fatal(again)
	}
	if changed := h.OK("dir.ensure", object{"path": path, "mode": "0750"}); changed["changed"] != true || changed["mode"] != "0750" {
		t.Fatal(changed)
	}
	if kept := h.OK("dir.ensure", object{"path": path}); kept["changed"] != false || kept["mode"] != "0750" {
		t.Fatal(kept)
	}
	h.Fails(fault.NotFound, "dir.ensure", object{"path": path + "/a/b"})
	if deep := h.OK("dir.ensure", object{"path": path + "/a/b/c", "parents": true, "mode": "0700"}); deep["changed"] != true {
		t.Fatal(deep)
	}
	for below, want := range map[string]os.FileMode{"a": 0o755, "a/b": 0o755, "a/b/c": 0o700} {
		stat, err := os.Stat(filepath.Join(path, below))
		must(t, err)
		if stat.Mode().Perm() != want {
			t.Errorf("%s has %v", below, stat.Mode())
		}
	}
	if root := h.OK("dir.ensure", object{"path": "/"}); root["changed"] != false {
		t.Fatal(root)
	}
}

func TestEnsureInheritsTheGroupBit(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	must(t, syscall.Chmod(directory, 0o2755))
	if reply := h.OK("dir.ensure", object{"path": filepath.Join(directory, "new")}); reply["mode"] != "2755" {
		t.Fatal(reply)
	}
}

func TestEnsureSetsTheOwner(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "new")
	reply := h.OK("dir.ensure", object{"path": path, "owner": "daemon", "group": "2", "mode": "2775"})
	if reply["owner"] != "daemon" || reply["gid"] != int64(2) || reply["mode"] != "2775" {
		t.Fatal(reply)
	}
	if reply := h.OK("dir.ensure", object{"path": path, "uid": 0}); reply["owner"] != "root" || reply["group"] != "bin" {
		t.Fatal(reply)
	}
}

func TestEnsureRefuses(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	file := harness.Put(t, filepath.Join(directory, "file"), "x")
	link := filepath.Join(directory, "link")
	must(t, os.Symlink(directory, link))
	h.Fails(fault.NotDirectory, "dir.ensure", object{"path": file})
	h.Fails(fault.NotDirectory, "dir.ensure", object{"path": link})
	h.Fails(fault.NotDirectory, "dir.ensure", object{"path": file + "/below", "parents": true})
	h.Fails(fault.Conflict, "dir.ensure", object{"path": directory, "expect": "sha256:other"})
	h.Fails(fault.BadRequest, "dir.ensure", object{"path": directory, "parents": 1})
	h.Fails(fault.UnknownOwner, "dir.ensure", object{"path": directory, "group": "no-such-group"})
	fixed := filepath.Join(directory, "fixed")
	must(t, os.Mkdir(fixed, 0o755))
	chattr(t, "+i", fixed)
	h.Fails(fault.Immutable, "dir.ensure", object{"path": fixed, "mode": "0700"})
	h.Fails(fault.Immutable, "dir.ensure", object{"path": fixed + "/below"})
	h.Fails(fault.Immutable, "dir.remove", object{"path": fixed})
}

func TestRemove(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path, outside := filepath.Join(directory, "tree"), harness.Put(t, filepath.Join(directory, "outside"), "kept")
	must(t, os.MkdirAll(path+"/a/b/c", 0o755))
	for i := range 300 {
		harness.Put(t, fmt.Sprintf("%s/a/file-%d", path, i), "x")
	}
	must(t, os.Symlink(directory, path+"/a/b/link"))
	must(t, os.Symlink(outside, path+"/link"))
	must(t, syscall.Mkfifo(path+"/a/pipe", 0o600))
	h.Fails(fault.NotEmpty, "dir.remove", object{"path": path})
	h.Fails(fault.Conflict, "dir.remove", object{"path": path, "expect": "sha256:other", "recursive": true})
	h.Fails(fault.NotDirectory, "dir.remove", object{"path": outside})
	h.Fails(fault.NotDirectory, "dir.remove", object{"path": path + "/a/b/link", "recursive": true})
	h.Fails(fault.BadRequest, "dir.remove", object{"path": "/"})
	if reply := h.OK("dir.remove", object{"path": path, "recursive": true}); reply["changed"] != true {
		t.Fatal(reply)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) || harness.Content(t, outside) != "kept" {
		t.Fatal("it is still there, or too much is gone")
	}
	for _, gone := range []string{path, path + "/below"} {
		if reply := h.OK("dir.remove", object{"path": gone}); reply["changed"] != false {
			t.Fatal(reply)
		}
	}
	must(t, os.Mkdir(path, 0o755))
	if reply := h.OK("dir.remove", object{"path": path}); reply["changed"] != true {
		t.Fatal(reply)
	}
}

func TestRemoveTouchesNothingWhereSomethingIsMounted(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "tree")
	must(t, os.MkdirAll(path+"/z/mnt", 0o755))
	harness.Put(t, path+"/a", "kept")
	mount(t, path+"/z/mnt")
	harness.Put(t, path+"/z/mnt/file", "kept")
	message := h.Fails(fault.MountPoint, "dir.remove", object{"path": path, "recursive": true})
	if !strings.Contains(message, "/z/mnt") {
		t.Fatal(message)
	}
	h.Fails(fault.MountPoint, "dir.remove", object{"path": path + "/z/mnt", "recursive": true})
	if harness.Content(t, path+"/a") != "kept" || harness.Content(t, path+"/z/mnt/file") != "kept" {
		t.Fatal("something was removed")
	}
}

func TestRemoveSaysWhatIsImmutable(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "tree")
	must(t, os.MkdirAll(path+"/a", 0o755))
	harness.Put(t, path+"/a/fixed", "x")
	chattr(t, "+i", path+"/a/fixed")
	if message := h.Fails(fault.Immutable, "dir.remove", object{"path": path, "recursive": true}); !strings.Contains(message, "/a/fixed") {
		t.Fatal(message)
	}
}

func TestRemoveAndListStopWithTheirContext(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	harness.Put(t, path+"/file", "x")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, name := range []string{"dir.remove", "dir.list", "dir.ensure"} {
		if _, err := h.Run(ctx, name, object{"path": path, "recursive": true}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if harness.Content(t, path+"/file") != "x" {
		t.Fatal("removed")
	}
	l := listing{ctx: ctx, host: h.Host, limit: 10}
	if _, err := l.run(path); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r := removal{ctx: ctx, path: path, recursive: true}
	if _, err := r.run("", h.Host, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func names(reply object) string {
	var names []string
	for _, entry := range reply["entries"].([]any) {
		names = append(names, entry.(object)["name"].(string))
	}
	return strings.Join(names, " ")
}

func TestList(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	must(t, os.MkdirAll(path+"/b/deep", 0o750))
	must(t, os.Symlink("b", path+"/a-link"))
	harness.Put(t, path+"/b/file", "x")
	harness.Put(t, path+"/b.txt", "x")
	harness.Put(t, path+"/caf\xe9", "x")
	held, err := os.Open(harness.Put(t, path+"/.froyo-01234567-1-1-1", "another runner's"))
	must(t, err)
	defer held.Close()
	must(t, syscall.Flock(int(held.Fd()), syscall.LOCK_EX))
	plain := h.OK("dir.list", object{"path": path})
	if got := names(plain); got != "a-link b b.txt caf\xe9" || plain["truncated"] != false {
		t.Fatal(plain)
	}
	one := plain["entries"].([]any)[1].(object)
	if one["type"] != "directory" || one["mode"] != "0750" || one["uid"] != int64(os.Geteuid()) || one["owner"] == "" || one["group"] == "" {
		t.Fatal(one)
	}
	recursive := h.OK("dir.list", object{"path": path, "recursive": true})
	if got := names(recursive); got != "a-link b b.txt b/deep b/file caf\xe9" {
		t.Fatal(got)
	}
	cut := h.OK("dir.list", object{"path": path, "recursive": true, "limit": 3})
	if got := names(cut); got != "a-link b b/deep" || cut["truncated"] != true {
		t.Fatal(cut)
	}
	if cut["state"] == recursive["state"] || recursive["state"] == plain["state"] || plain["state"] != h.OK("dir.list", object{"path": path})["state"] {
		t.Fatal("the state does not say what was listed")
	}
	h.Fails(fault.NotFound, "dir.list", object{"path": path + "/gone"})
	h.Fails(fault.NotFound, "dir.list", object{"path": path + "/gone/deeper"})
	h.Fails(fault.NotDirectory, "dir.list", object{"path": path + "/b.txt"})
	h.Fails(fault.NotDirectory, "dir.list", object{"path": path + "/a-link"})
	h.Fails(fault.BadRequest, "dir.list", object{"path": path, "limit": "1"})
	if root := h.OK("dir.list", object{"path": "/", "limit": 1}); root["truncated"] != true {
		t.Fatal(root)
	}
}

func TestListSaysWhatIsInTheFilesThatAreNamed(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	must(t, os.Mkdir(path+"/b", 0o750))
	must(t, os.Symlink("b", path+"/link"))
	harness.Put(t, path+"/b/file", "x")
	harness.Put(t, path+"/b/other", "x")
	wanted := []string{"b", "b/file", "link", "missing", "link/file"}
	item := object{"path": path, "recursive": true, "contents": wanted}
	first := h.OK("dir.list", item)
	entries := map[string]object{}
	for _, e := range first["entries"].([]any) {
		entries[e.(object)["name"].(string)] = e.(object)
	}
	file, other, link := entries["b/file"], entries["b/other"], entries["link"]
	if file["digest"] != "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" || file["size"] != int64(1) {
		t.Fatal(file)
	}
	if other["digest"] != nil || other["size"] != nil || entries["b"]["digest"] != nil || link["to"] != "b" || len(entries) != 4 {
		t.Fatal(first)
	}
	if again := h.OK("dir.list", item); again["state"] != first["state"] {
		t.Fatal(again)
	}
	harness.Put(t, path+"/b/file", "y")
	if changed := h.OK("dir.list", item); changed["state"] == first["state"] {
		t.Fatal(changed)
	}
	h.Fails(fault.BadRequest, "dir.list", object{"path": path, "contents": "b"})
}

func TestListGoesOnWhereAFileCannotBeRead(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	harness.Put(t, path+"/small", "x")
	must(t, os.WriteFile(path+"/huge", nil, 0o644))
	must(t, os.Truncate(path+"/huge", 1<<42))
	defer func(before time.Duration) { digestPatience(before) }(digestPatience(10 * time.Millisecond))
	reply := h.OK("dir.list", object{"path": path, "contents": []string{"huge", "small"}})
	huge, small := reply["entries"].([]any)[0].(object), reply["entries"].([]any)[1].(object)
	if small["digest"] == nil || huge["digest"] != nil || !strings.Contains(huge["unread"].(string), "cannot be read within") {
		t.Fatal(reply)
	}
}

func digestPatience(patience time.Duration) (before time.Duration) {
	before, entry.Patience = entry.Patience, patience
	return before
}

func TestNobodyHidesAnythingBehindTheNameOfATemporaryFile(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	must(t, os.MkdirAll(path+"/.froyo-deadbeef-a-b-c.d/inside", 0o755))
	must(t, syscall.Mkfifo(path+"/.froyo-deadbeef-a-b-d", 0o600))
	harness.Put(t, path+"/.froyo-deadbeef-a-b-e", "nobody holds it")
	if got := names(h.OK("dir.list", object{"path": path, "recursive": true})); got !=
		".froyo-deadbeef-a-b-c.d .froyo-deadbeef-a-b-c.d/inside .froyo-deadbeef-a-b-d .froyo-deadbeef-a-b-e" {
		t.Fatal(got)
	}
	h.OK("dir.remove", object{"path": path + "/.froyo-deadbeef-a-b-c.d", "recursive": true})
	if _, err := os.Lstat(path + "/.froyo-deadbeef-a-b-c.d"); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// nest makes directories in one another, deeper than any path can say.
func nest(t *testing.T, base, name string, depth int) {
	t.Helper()
	fd, err := syscall.Open(base, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	must(t, err)
	for range depth {
		must(t, syscall.Mkdirat(fd, name, 0o700))
		next, err := syscall.Openat(fd, name, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
		must(t, err)
		must(t, syscall.Close(fd))
		fd = next
	}
	must(t, syscall.Close(fd))
}

// withDescriptors lets the test have only so many descriptors open.
func withDescriptors(t *testing.T, limit uint64) {
	t.Helper()
	var before syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: before.Max}))
	t.Cleanup(func() { must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) })
}

// Who may write in a directory that we purge could otherwise keep us from it for ever, by nesting in it what we cannot remove.
func TestATreeMayBeDeeperThanTheDescriptorsThatThereAre(t *testing.T) {
	h := harness.New(t, Commands)
	base := harness.Disk(t)
	path := base + "/tree"
	must(t, os.MkdirAll(path, 0o755))
	nest(t, path, "d", 3000)
	must(t, os.MkdirAll(path+strings.Repeat("/d", 100)+"/e/f", 0o755))
	harness.Put(t, path+strings.Repeat("/d", 50)+"/file", "x")
	withDescriptors(t, 100)
	listed := h.OK("dir.list", object{"path": path, "recursive": true})
	if got := len(listed["entries"].([]any)); got != 3000+3 {
		t.Fatalf("%d entries", got)
	}
	entries := strings.Fields(names(listed))
	for _, want := range []string{"d", strings.Repeat("d/", 50) + "file", strings.Repeat("d/", 100) + "e/f", strings.Repeat("d/", 2999) + "d"} {
		if !slices.Contains(entries, want) {
			t.Errorf("%.50s… is not listed", want)
		}
	}
	if reply := h.OK("dir.remove", object{"path": path, "recursive": true}); reply["changed"] != true {
		t.Fatal(reply)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestAMessageAboutWhatLiesTooDeepIsShort(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	nest(t, path, strings.Repeat("n", 200), 40)
	nest(t, path+strings.Repeat("/"+strings.Repeat("n", 200), 18), "mnt", 1)
	mount(t, path+strings.Repeat("/"+strings.Repeat("n", 200), 18)+"/mnt")
	message := h.Fails(fault.MountPoint, "dir.remove", object{"path": path, "recursive": true})
	if !strings.Contains(message, "/mnt is a mount point") || len(message) > 5000 {
		t.Fatal(len(message), message)
	}
}

func TestWhatIsMovedAwayWhileItIsRemovedIsLeftAlone(t *testing.T) {
	base := harness.Disk(t)
	must(t, os.MkdirAll(base+"/tree"+strings.Repeat("/d", 2*kept), 0o755))
	must(t, os.Mkdir(base+"/elsewhere", 0o755))
	harness.Put(t, base+"/elsewhere/file", "kept")
	dir, name, err := walk.Parent(base + "/tree")
	must(t, err)
	defer dir.Close()
	d := descent{path: base + "/tree"}
	defer d.close()
	must(t, d.begin(dir, name))
	for range 2 * kept {
		must(t, d.enter("d"))
	}
	must(t, os.Rename(base+"/tree"+strings.Repeat("/d", kept+3), base+"/elsewhere/moved"))
	for {
		if _, err := d.leave(); err != nil {
			if code := fault.From(err, "").Code; code != fault.Conflict {
				t.Fatal(err)
			}
			return
		}
		if len(d.levels) == 0 {
			t.Fatal("it has gone up where it did not come down")
		}
	}
}

func TestListGivesUpOnNamesThatNoReplyCanHold(t *testing.T) {
	h := harness.New(t, Commands)
	base := harness.Disk(t)
	nest(t, base, strings.Repeat("n", 250), 500) // about 31 MB of names
	h.Fails(fault.ReplyTooLarge, "dir.list", object{"path": base, "recursive": true})
}

func TestListDoesNotEnterMountPoints(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Disk(t)
	must(t, os.Mkdir(path+"/mnt", 0o755))
	mount(t, path+"/mnt")
	harness.Put(t, path+"/mnt/file", "x")
	reply := h.OK("dir.list", object{"path": path, "recursive": true})
	if names(reply) != "mnt" || reply["entries"].([]any)[0].(object)["mountpoint"] != true {
		t.Fatal(reply)
	}
	if reply := h.OK("dir.list", object{"path": path + "/mnt", "recursive": true}); names(reply) != "file" {
		t.Fatal(reply)
	}
}

func TestTheListsOfADirectoryGoWithItsOwner(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	for owner, want := range map[string]bool{"games": false, "daemon": true} {
		path := harness.Disk(t)
		must(t, os.Chown(path, 1, 1))
		for _, name := range []string{acl.Access, acl.Default} {
			harness.SetAttribute(t, path, name, harness.List(7, 7, 0, 7, 0))
		}
		if reply := h.OK("dir.ensure", object{"path": path, "owner": owner, "mode": "0750"}); reply["mode"] != "0750" || reply["owner"] != owner {
			t.Fatal(reply)
		}
		for _, name := range []string{acl.Access, acl.Default} {
			if list := harness.Attribute(path, name); (list != "") != want {
				t.Errorf("%s: %s: %q", owner, name, list)
			}
		}
	}
}

func TestANewDirectoryGetsListsOnlyFromRootOrItsOwner(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	for _, c := range []struct {
		above  int
		owner  string
		mode   string
		listed bool
	}{{0, "root", "0700", true}, {0, "games", "0750", true}, {1, "daemon", "0750", true}, {1, "root", "0700", false}, {1, "games", "0750", false}} {
		above := harness.Disk(t)
		must(t, os.Chown(above, c.above, c.above))
		harness.SetAttribute(t, above, acl.Default, harness.List(7, 7, 0, 7, 0))
		path := above + "/on/the/way"
		if reply := h.OK("dir.ensure", object{"path": path, "owner": c.owner, "mode": c.mode, "parents": true}); reply["mode"] != c.mode || reply["owner"] != c.owner {
			t.Fatal(reply)
		}
		for _, name := range []string{acl.Access, acl.Default} {
			// What is made on the way belongs to root, and does not hand on what is not root's.
			if list := harness.Attribute(above+"/on", name); (list != "") != (c.above == 0) {
				t.Errorf("%v: on the way: %s: %q", c, name, list)
			}
			if list := harness.Attribute(path, name); (list != "") != (c.above == 0) {
				t.Errorf("%v: %s: %q", c, name, list)
			}
		}
		direct := h.OK("dir.ensure", object{"path": above + "/direct", "owner": c.owner, "mode": c.mode})
		for _, name := range []string{acl.Access, acl.Default} {
			if list := harness.Attribute(above+"/direct", name); direct["mode"] != c.mode || (list != "") != c.listed {
				t.Errorf("%v: %s: %q", c, name, list)
			}
		}
	}
}

// What another file system holds below a directory is listed as such and not entered, also where nothing is mounted.
func TestASubvolumeIsListedAsWhatItIs(t *testing.T) {
	harness.NeedRoot(t)
	directory := harness.Image(t, "mkfs.btrfs")
	inside := directory + "/tree/subvolume"
	if err := os.Mkdir(directory+"/tree", 0o755); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("btrfs", "subvolume", "create", inside).CombinedOutput(); err != nil {
		t.Skipf("btrfs: %s", output)
	}
	harness.Put(t, inside+"/file", "")
	h := harness.New(t, Commands)
	entries := h.OK("dir.list", object{"path": directory + "/tree", "recursive": true})["entries"].([]any)
	if len(entries) != 1 || entries[0].(object)["mountpoint"] != true {
		t.Fatal(entries)
	}
	h.Fails(fault.MountPoint, "dir.remove", object{"path": directory + "/tree", "recursive": true})
}
