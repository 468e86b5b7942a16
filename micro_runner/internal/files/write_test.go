package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/walk"
)

func TestAContentMayStandInTheItem(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "file")
	reply := h.OK("file.write", object{"path": path, "text": "said\n", "mode": "0640"})
	if reply["changed"] != true || reply["digest"] != h.Send("said\n") || harness.Content(t, path) != "said\n" {
		t.Error(reply)
	}
	if again := h.OK("file.write", object{"path": path, "text": "said\n"}); again["changed"] != false {
		t.Error(again)
	}
	h.OK("file.write", object{"path": path, "text": ""})
	if harness.Content(t, path) != "" {
		t.Error("it is not empty")
	}
	h.Fails(fault.BadRequest, "file.write", object{"path": path, "text": "x", "blob": h.Send("x")})
	h.Fails(fault.BadRequest, "file.write", object{"path": path, "text": strings.Repeat("x", maxText+1)})
}

func TestWriteMakesANewFile(t *testing.T) {
	for _, root := range []string{harness.Disk(t), t.TempDir()} {
		h := harness.New(t, Commands)
		path := filepath.Join(root, "file")
		reply := h.OK("file.write", object{"path": path, "blob": h.Send("hello\n"), "size": 6})
		if harness.Content(t, path) != "hello\n" || mode(t, path) != 0o644 || reply["changed"] != true {
			t.Fatal(reply, mode(t, path))
		}
		stat := h.OK("file.stat", object{"path": path})
		for key, value := range stat {
			if reply[key] != value {
				t.Errorf("%s: the write says %v, a stat %v", key, reply[key], value)
			}
		}
		h.Clean(root)
	}
}

func TestWriteReplacesTheWholeAtOnce(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "old content, which is longer\n")
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	h.OK("file.write", object{"path": path, "blob": h.Send("new\n")})
	before := make([]byte, 100)
	n, _ := reader.Read(before)
	if string(before[:n]) != "old content, which is longer\n" || harness.Content(t, path) != "new\n" {
		t.Fatal("the old file was written to")
	}
	h.Clean(filepath.Dir(path))
}

func TestWriteOfWhatIsThereAlreadyChangesNothing(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "same")
	before, _ := os.Stat(path)
	reply := h.OK("file.write", object{"path": path, "blob": sum("same"), "mode": "644"}) // the body is not even here
	after, _ := os.Stat(path)
	if reply["changed"] != false || !os.SameFile(before, after) || ctime(before) != ctime(after) {
		t.Fatal(reply)
	}
}

func ctime(info os.FileInfo) syscall.Timespec { return info.Sys().(*syscall.Stat_t).Ctim }

func TestWriteChangesModeAndOwnerInPlace(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "same")
	before, _ := os.Stat(path)
	reply := h.OK("file.write", object{"path": path, "mode": "4711", "owner": "daemon", "gid": 2})
	after, _ := os.Stat(path)
	owner := after.Sys().(*syscall.Stat_t)
	if reply["changed"] != true || reply["mode"] != "4711" || reply["owner"] != "daemon" || reply["gid"] != int64(2) || reply["digest"] != nil {
		t.Fatal(reply)
	}
	if !os.SameFile(before, after) || owner.Uid != 1 || owner.Gid != 2 || after.Mode() != 0o711|os.ModeSetuid {
		t.Fatal(after.Mode(), owner)
	}
	reply = h.OK("file.write", object{"path": path, "owner": "root"}) // which takes setuid away, as chown does
	if reply["mode"] != "0711" {
		t.Fatal(reply)
	}
}

func TestWriteKeepsWhatIsNotSaid(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "old")
	if err := os.Chown(path, 1, 2); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Chmod(path, 0o2751); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("long ", 400)
	harness.SetAttribute(t, path, "user.note", []byte(long))
	harness.SetAttribute(t, path, acl.Access, harness.List(7, 6, 5, 7, 1))
	before := harness.Attribute(path, acl.Access)
	reply := h.OK("file.write", object{"path": path, "blob": h.Send("new")})
	if reply["owner"] != "daemon" || reply["group"] != "bin" || reply["mode"] != "2771" {
		t.Fatal(reply)
	}
	if after := harness.Attribute(path, acl.Access); after != before {
		t.Fatalf("the access list was\n%q now it is\n%q", before, after)
	}
	large := make([]byte, 3000)
	if n, _ := syscall.Getxattr(path, "user.note", large); string(large[:n]) != long {
		t.Fatal("an attribute was lost")
	}
	h.OK("file.write", object{"path": path, "blob": h.Send("new again"), "mode": "0640"})
	if after := harness.Attribute(path, acl.Access); after != string(harness.List(6, 6, 5, 4, 0)) {
		t.Fatalf("%q", after)
	}
	reply = h.OK("file.write", object{"path": path, "blob": h.Send("newer"), "owner": "root", "mode": "0640"})
	if reply["owner"] != "root" || reply["mode"] != "0640" || harness.Attribute(path, acl.Access) != "" {
		t.Fatalf("%v %q", reply, harness.Attribute(path, acl.Access))
	}
	reply = h.OK("file.write", object{"path": path, "blob": h.Send("newest"), "owner": "daemon"})
	if reply["mode"] != "0640" {
		t.Fatal(reply)
	}
}

func TestWriteDropsCapabilitiesAndWhatADefaultListWouldAdd(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := harness.Put(t, filepath.Join(directory, "file"), "old")
	rawNetwork := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	harness.SetAttribute(t, path, "security.capability", rawNetwork)
	harness.SetAttribute(t, directory, acl.Default, harness.List(7, 6, 5, 7, 5))
	h.OK("file.write", object{"path": path, "blob": h.Send("new"), "mode": "0644"})
	if harness.Attribute(path, acl.Access) != "" {
		t.Fatal("a file without an access list got one")
	}
	if harness.Attribute(path, "security.capability") != "" {
		t.Fatal("the new content has the old one's capabilities")
	}
	fresh := filepath.Join(directory, "fresh")
	h.OK("file.write", object{"path": fresh, "blob": h.Send("new"), "mode": "0644"})
	if harness.Attribute(fresh, acl.Access) == "" {
		t.Fatal("a new file did not get what its directory gives")
	}
}

func run(t *testing.T, name string, arguments ...string) { output(t, name, arguments...) }

func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.Command(name, arguments...).Output()
	if err != nil {
		t.Skipf("%s %v: %v", name, arguments, err)
	}
	return string(out)
}

func TestWriteIsACompareAndSwap(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "file")
	absent := h.OK("file.stat", object{"path": path})["state"]
	reply := h.OK("file.write", object{"path": path, "blob": h.Send("one"), "expect": absent})
	one := reply["state"]
	h.Fails(fault.Conflict, "file.write", object{"path": path, "blob": h.Send("two"), "expect": absent})
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	h.Fails(fault.Conflict, "file.write", object{"path": path, "blob": h.Send("two"), "expect": one})
	h.Fails(fault.Conflict, "file.write", object{"path": path, "mode": "0644", "expect": one})
	if harness.Content(t, path) != "one" {
		t.Fatal("what was not expected was replaced")
	}
	now := h.OK("file.stat", object{"path": path})["state"]
	if reply := h.OK("file.write", object{"path": path, "mode": "0644", "expect": now}); reply["state"] != one {
		t.Fatal(reply)
	}
	h.OK("file.write", object{"path": path, "blob": h.Send("two"), "expect": one})
	h.Clean(filepath.Dir(path))
}

func TestWriteConflictsWithWhatComesBetweenTheLookAndTheSwap(t *testing.T) {
	for name, interfere := range map[string]func(path string){
		"content": func(path string) { harness.Put(t, path, "their") },
		"created": func(path string) { harness.Put(t, path, "their") },
		"mode":    func(path string) { _ = os.Chmod(path, 0o600) },
		"removed": func(path string) { _ = os.Remove(path) },
	} {
		h := harness.New(t, Commands)
		path := filepath.Join(harness.Disk(t), "file")
		if name != "created" {
			harness.Put(t, path, "old!!")
		}
		w := wanted{path: path, mode: command.Keep, uid: command.Keep, gid: command.Keep, size: -1, hasBlob: true}
		w.blob, _ = parse(h.Send("new"))
		w.expect = h.OK("file.stat", object{"path": path})["state"].(string)
		j := &job{wanted: w, touched: -1, listing: -1}
		places := map[string]*place{}
		if err := j.find(places, h.Host); err != nil {
			t.Fatal(err)
		}
		if err := j.prepare(context.Background(), h.Host); err != nil {
			t.Fatal(err)
		}
		interfere(path)
		err := j.install(h.Host)
		var failure *fault.Fault
		if !errors.As(err, &failure) || failure.Code != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
		j.close()
		h.Clean(filepath.Dir(path))
	}
}

func TestWriteReplacesALinkAndNotWhatItLeadsTo(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	victim := harness.Put(t, filepath.Join(directory, "victim"), "untouched")
	link := filepath.Join(directory, "link")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	h.OK("file.write", object{"path": link, "blob": h.Send("new")})
	if mode(t, link)&os.ModeSymlink != 0 || harness.Content(t, link) != "new" || harness.Content(t, victim) != "untouched" {
		t.Fatal("the link was followed")
	}
}

func TestWriteRefusesOtherTypes(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	pipe := filepath.Join(directory, "pipe")
	link := filepath.Join(directory, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x", link); err != nil {
		t.Fatal(err)
	}
	blob := h.Send("new")
	h.Fails(fault.IsDirectory, "file.write", object{"path": directory, "blob": blob})
	h.Fails(fault.IsDirectory, "file.write", object{"path": directory, "mode": "0700"})
	h.Fails(fault.WrongType, "file.write", object{"path": pipe, "blob": blob})
	h.Fails(fault.WrongType, "file.write", object{"path": pipe, "mode": "0600"})
	h.Fails(fault.WrongType, "file.write", object{"path": link, "mode": "0600"})
	h.Fails(fault.Conflict, "file.write", object{"path": filepath.Join(directory, "gone"), "mode": "0600"})
	h.Fails(fault.NotFound, "file.write", object{"path": filepath.Join(directory, "gone", "file"), "blob": blob})
	h.Fails(fault.BlobMissing, "file.write", object{"path": filepath.Join(directory, "new"), "blob": sum("never sent")})
	h.Fails(fault.BadRequest, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "size": 4})
	h.Fails(fault.UnknownOwner, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "owner": "nobody-at-all"})
	h.Fails(fault.BadRequest, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "mode": "9"})
	h.Fails(fault.BadRequest, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "mode": "10000"})
	h.Fails(fault.BadRequest, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "backup": "/etc/x"})
	h.Fails(fault.BadRequest, "file.write", object{"path": filepath.Join(directory, "new"), "blob": blob, "validate": []string{"true"}})
	state := h.OK("file.stat", object{"path": pipe})["state"]
	h.OK("file.write", object{"path": pipe, "blob": blob, "expect": state}) // who expects it means it
	h.Clean(directory)
}

func TestWriteKeepsABackup(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "first")
	for i, content := range []string{"second", "third", "fourth"} {
		h.OK("file.write", object{"path": path, "blob": h.Send(content), "backup": ".orig"})
		want := []string{"first", "second", "third"}[i]
		if harness.Content(t, path) != content || harness.Content(t, path+".orig") != want {
			t.Fatal(harness.Content(t, path), harness.Content(t, path+".orig"))
		}
	}
	// A runner that was killed between the two renames leaves both names with one file.
	if err := os.Remove(path + ".orig"); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, path+".orig"); err != nil {
		t.Fatal(err)
	}
	h.OK("file.write", object{"path": path, "blob": h.Send("fifth"), "backup": ".orig"})
	if harness.Content(t, path) != "fifth" || harness.Content(t, path+".orig") != "fourth" {
		t.Fatal("the backup is lost")
	}
	if err := os.Mkdir(path+".dir", 0o755); err != nil {
		t.Fatal(err)
	}
	h.Fails(fault.IsDirectory, "file.write", object{"path": path, "blob": h.Send("sixth"), "backup": ".dir"})
	h.Clean(filepath.Dir(path))
}

func TestWriteCopiesTheBackupWhereThereAreNoLinks(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := harness.Put(t, filepath.Join(directory, "file"), "old")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	j := &job{wanted: wanted{path: path}, name: "file"}
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
	if harness.Content(t, path+".orig") != "old" || mode(t, path+".orig") != 0o640 {
		t.Fatal("not a copy")
	}
	// What takes the name meanwhile is not given away under the owner and mode of the old file.
	harness.Put(t, filepath.Join(directory, "secret"), "key")
	if err := os.Rename(filepath.Join(directory, "secret"), path); err != nil {
		t.Fatal(err)
	}
	if _, err := j.copyOld(h.Host.Temps, &old); fault.From(err, path).Code != fault.Conflict {
		t.Fatal(err)
	}
	h.Clean(directory)
}

func TestWriteValidatesBeforeTheContentGoesLive(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := harness.Put(t, filepath.Join(directory, "app.conf"), "good")
	check := []string{"sh", "-c", `case "$1" in */.froyo-*.conf) ;; *) echo "called $1"; exit 9;; esac; read line <"$1"; test "$line" = good2 || { echo "bad line in $1: $line" >&2; exit 3; }`, "sh", "%s"}
	message := h.Fails(fault.ValidationFailed, "file.write", object{"path": path, "blob": h.Send("bad\n"), "validate": check})
	if !strings.Contains(message, "exit status 3") || !strings.Contains(message, "bad line in "+path+": bad") {
		t.Fatal(message)
	}
	h.OK("file.write", object{"path": path, "blob": h.Send("good2\n"), "validate": check})
	if harness.Content(t, path) != "good2\n" {
		t.Fatal("not written")
	}
	message = h.Fails(fault.ValidationFailed, "file.write", object{
		"path": path, "blob": h.Send("bad\n"), "validate": []string{"sh", "-c", "yes long output | head -c 1000000; exit 1", "%s"},
	})
	if len(message) > 3000 {
		t.Fatalf("%d bytes of output", len(message))
	}
	message = h.Fails(fault.ValidationFailed, "file.write", object{"path": path, "blob": h.Send("bad\n"), "validate": []string{"sh", "-c", "kill -9 $$", "%s"}})
	if !strings.HasSuffix(message, ": it does not say why") {
		t.Errorf("the message is %q", message)
	}
	h.Fails(fault.CommandNotFound, "file.write", object{"path": path, "blob": h.Send("bad\n"), "validate": []string{"no-such-program", "%s"}})
	if harness.Content(t, path) != "good2\n" {
		t.Fatal("a content that was refused went live")
	}
	h.Clean(directory)
}

// What a validation had left behind wrote into the file once it was live, and nobody had been asked about that.
func TestWriteRefusesWhatItsValidationStillWrites(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "good\n")
	message := h.Fails(fault.ValidationFailed, "file.write", object{
		"path": path, "blob": h.Send("new\n"), "validate": []string{"sh", "-c", `exec 9>>"$1"; sleep 60 <&- >&- 2>&- & echo $! >"$0"`, path + ".pid", "%s"},
	})
	var pid int
	if _, err := fmt.Sscan(harness.Content(t, path+".pid"), &pid); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	if !strings.Contains(message, "still has the file open for writing") || harness.Content(t, path) != "good\n" {
		t.Fatal(message)
	}
}

func TestWriteRefusesWhatItsValidationHasChanged(t *testing.T) {
	for name, change := range map[string]string{
		"content":         `echo else >"$1"`,
		"content, in sed": `sed -i s/new/old/ "$1"`,
		"the same, anew":  `cp "$1" "$1.x" && mv "$1.x" "$1"`,
		"mode":            `chmod 666 "$1"`,
		"a second name":   `ln "$1" "$1.x"`,
		"gone":            `rm "$1"`,
		"a link":          `rm "$1"; ln -s /etc/passwd "$1"`,
		"a directory":     `rm "$1"; mkdir "$1"`,
		"times put back":  `touch -r "$1" "$1.t"; echo NEW >"$1"; touch -r "$1.t" "$1"; rm "$1.t"`,
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.New(t, Commands)
			path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "good\n")
			message := h.Fails(fault.ValidationFailed, "file.write", object{
				"path": path, "blob": h.Send("new\n"), "validate": []string{"sh", "-c", change, "sh", "%s"},
			})
			if !strings.Contains(message, "changes the file that it is given") || harness.Content(t, path) != "good\n" {
				t.Fatal(message, harness.Content(t, path))
			}
		})
	}
}

func TestWriteTellsNothingThatAValidationSaysOfASensitiveContent(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "good\n")
	message := h.Fails(fault.ValidationFailed, "file.write", object{
		"path": path, "blob": h.Send("password=hunter2\n"), "validate": []string{"sh", "-c", `cat "$1"; exit 3`, "sh", "%s"}, "sensitive": true,
	})
	if strings.Contains(message, "hunter2") || !strings.Contains(message, "exit status 3") {
		t.Fatal(message)
	}
}

func TestWriteValidatesAProgramByRunningIt(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "program")
	h.OK("file.write", object{"path": path, "blob": h.Send("#!/bin/sh\nexit 0\n"), "mode": "0755", "validate": []string{"%s"}})
	h.Fails(fault.ValidationFailed, "file.write", object{"path": path, "blob": h.Send("#!/bin/sh\nexit 1\n"), "validate": []string{"%s"}})
}

// A name may be as long as the file system allows; the temporary one beside it must not be longer for that.
func TestWriteWorksWithTheLongestNames(t *testing.T) {
	for kind, named := range map[string]bool{"without names": false, "with names": true} {
		t.Run(kind, func(t *testing.T) {
			h := harness.New(t, Commands)
			if named {
				h.Host.Temps.Named()
			}
			directory := harness.Disk(t)
			for _, name := range []string{
				strings.Repeat("n", 255), "." + strings.Repeat("n", 254), "a." + strings.Repeat("x", 253), strings.Repeat("n", 45) + "." + strings.Repeat("x", 209),
				strings.Repeat("n", 250) + ".conf", strings.Repeat("\xc3\xa4", 127),
			} {
				path := filepath.Join(directory, name)
				check := []string{"sh", "-c", `test -s "$1" && case "$1" in *.conf) ;; *) test "$2" != conf;; esac`, "sh", "%s", strings.TrimPrefix(filepath.Ext(name), ".")}
				for _, content := range []string{"first", "second"} {
					h.OK("file.write", object{"path": path, "blob": h.Send(content), "validate": check})
					if harness.Content(t, path) != content {
						t.Fatalf("%.20s…: not written", name)
					}
				}
				if len(name) == 255 {
					message := h.Fails(fault.NameTooLong, "file.write", object{"path": path, "blob": h.Send("third"), "backup": ".orig"})
					if !strings.Contains(message, "the backup's name is too long") || harness.Content(t, path) != "second" {
						t.Fatal(message)
					}
				}
				h.OK("file.remove", object{"path": path})
			}
			h.Fails(fault.NameTooLong, "file.write", object{"path": filepath.Join(directory, strings.Repeat("n", 256)), "blob": h.Send("x")})
			h.Clean(directory)
		})
	}
}

func TestWriteOfALargeBatchGivesEachItemItsOwnResult(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	var items []object
	for i := range 60 {
		path := filepath.Join(directory, fmt.Sprint("file-", i))
		if i%10 == 3 {
			path = filepath.Join(directory, "gone", "file")
		}
		items = append(items, object{"path": path, "blob": h.Send(fmt.Sprint("content ", i))})
	}
	results, err := h.Run(context.Background(), "file.write", items...)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if i%10 == 3 {
			if result["error"].(object)["code"] != "enoent" {
				t.Errorf("%d: %v", i, result)
			}
		} else if result["ok"] == nil || harness.Content(t, items[i]["path"].(string)) != fmt.Sprint("content ", i) {
			t.Errorf("%d: %v", i, result)
		}
	}
	h.Clean(directory)
}

func TestWriteOfZerosLeavesHoles(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(harness.Disk(t), "file")
	content := strings.Repeat("\x00", 4<<20) + "middle" + strings.Repeat("\x00", 4<<20)
	h.OK("file.write", object{"path": path, "blob": h.Send(content)})
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if harness.Content(t, path) != content {
		t.Fatal("another content")
	}
	if blocks := stat.Sys().(*syscall.Stat_t).Blocks; blocks > 1024 {
		t.Fatalf("%d KiB on the disk", blocks/2)
	}
}

func TestWriteSaysWhatIsInTheWay(t *testing.T) {
	h := harness.New(t, Commands)
	t.Run("immutable", func(t *testing.T) {
		path := immutableFile(t, "fixed")
		h.Fails(fault.Immutable, "file.write", object{"path": path, "blob": h.Send("new")})
		h.Fails(fault.Immutable, "file.write", object{"path": path, "mode": "0600"})
		h.Fails(fault.Immutable, "file.remove", object{"path": path})
		h.OK("file.write", object{"path": path, "blob": sum("fixed"), "mode": "0644"}) // nothing to do
		h.Clean(filepath.Dir(path))
	})
	t.Run("immutable directory", func(t *testing.T) {
		harness.NeedRoot(t)
		directory := harness.Disk(t)
		path := harness.Put(t, filepath.Join(directory, "file"), "old")
		chattr(t, "+i", directory)
		h.Fails(fault.Immutable, "file.write", object{"path": path, "blob": h.Send("new")})
		h.Fails(fault.Immutable, "file.remove", object{"path": path})
	})
	t.Run("append-only", func(t *testing.T) {
		harness.NeedRoot(t)
		path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "log")
		chattr(t, "+a", path)
		h.Fails(fault.Immutable, "file.write", object{"path": path, "blob": h.Send("new")})
	})
	t.Run("mount point", func(t *testing.T) {
		harness.NeedRoot(t)
		directory := harness.Disk(t)
		path, other := harness.Put(t, filepath.Join(directory, "file"), "old"), harness.Put(t, filepath.Join(directory, "other"), "mounted")
		run(t, "mount", "--bind", other, path)
		t.Cleanup(func() { _ = exec.Command("umount", "-l", path).Run() })
		h.Fails(fault.MountPoint, "file.write", object{"path": path, "blob": h.Send("new")})
		h.Fails(fault.MountPoint, "file.remove", object{"path": path})
		h.OK("file.write", object{"path": path, "mode": "0600"})
		h.Clean(directory)
	})
	t.Run("read-only file system", func(t *testing.T) {
		directory := mount(t, "size=1m")
		path := harness.Put(t, filepath.Join(directory, "file"), "old")
		run(t, "mount", "-o", "remount,ro", directory)
		h.Fails(fault.ReadOnly, "file.write", object{"path": path, "blob": h.Send("new")})
		h.Fails(fault.ReadOnly, "file.write", object{"path": path, "mode": "0600"})
		h.Fails(fault.ReadOnly, "file.remove", object{"path": path})
		run(t, "mount", "-o", "remount,rw", directory)
		h.OK("file.write", object{"path": path, "blob": h.Send("new")})
	})
	t.Run("full disk", func(t *testing.T) {
		directory := mount(t, "size=1m")
		path := harness.Put(t, filepath.Join(directory, "file"), "old")
		h.Fails(fault.NoSpace, "file.write", object{"path": path, "blob": h.Send(strings.Repeat("x", 3<<20))})
		if harness.Content(t, path) != "old" {
			t.Fatal("half a content")
		}
		h.Clean(directory)
		h.OK("file.write", object{"path": path, "blob": h.Send("fits")})
	})
	t.Run("no inodes", func(t *testing.T) {
		directory := mount(t, "nr_inodes=2")
		path := harness.Put(t, filepath.Join(directory, "file"), "old")
		h.Fails(fault.NoSpace, "file.write", object{"path": path, "blob": h.Send("new")})
	})
}

func TestRemove(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := harness.Put(t, filepath.Join(directory, "file"), "x")
	link := filepath.Join(directory, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	h.Fails(fault.IsDirectory, "file.remove", object{"path": directory})
	h.Fails(fault.Conflict, "file.remove", object{"path": path, "expect": sum("x")})
	h.Fails(fault.BadRequest, "file.remove", object{"path": path, "expect": 1})
	if reply := h.OK("file.remove", object{"path": link}); reply["changed"] != true || harness.Content(t, path) != "x" {
		t.Fatal("the link was followed")
	}
	state := h.OK("file.stat", object{"path": path})["state"]
	if reply := h.OK("file.remove", object{"path": path, "expect": state}); reply["changed"] != true {
		t.Fatal(reply)
	}
	for _, gone := range []string{path, filepath.Join(path, "deeper")} {
		if reply := h.OK("file.remove", object{"path": gone}); reply["changed"] != false {
			t.Fatal(reply)
		}
	}
}

func TestWriteStopsWithItsContext(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Run(ctx, "file.write", object{"path": filepath.Join(directory, "file"), "blob": h.Send("x")}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(directory, "file")); !os.IsNotExist(err) {
		t.Fatal("it was written")
	}
	h.Clean(directory)
}

func TestWriteOnAFileSystemWithoutUnnamedFiles(t *testing.T) {
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	path := filepath.Join(directory, "file")
	for _, content := range []string{"one", "two"} {
		named := temp.NewWorkshop().Named()
		h.Host.Temps = named
		h.OK("file.write", object{"path": path, "blob": h.Send(content), "backup": ".orig"})
		h.Clean(directory)
	}
	if harness.Content(t, path) != "two" || harness.Content(t, path+".orig") != "one" {
		t.Fatal("not written")
	}
}
