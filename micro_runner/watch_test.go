package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
)

// watching runs a test with each way of watching: as root by fanotify, as somebody else by inotify.
func watching(t *testing.T, test func(t *testing.T, w *watchTest)) {
	for _, mode := range []string{"fanotify", "inotify"} {
		t.Run(mode, func(t *testing.T) {
			directory := diskDir(t)
			arguments := []string{"serve", "--sha256", built.sha256, "--signature", built.signature}
			command := exec.Command(built.path, arguments...)
			if mode == "fanotify" {
				needRoot(t)
			} else if os.Geteuid() == 0 {
				const nobody = 65534
				command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
				if err := os.Chown(directory, nobody, nobody); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(directory, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			c := launch(t, command)
			c.ready = <-c.events[0]
			if c.ready["watch"] != mode {
				t.Skipf("this machine offers %v", c.ready["watch"])
			}
			test(t, &watchTest{client: c, t: t, mode: mode, directory: directory})
		})
	}
}

type watchTest struct {
	*client
	t               *testing.T
	mode, directory string
	id              int
	paths           []string // that are watched
	marker          string   // a path whose changes do not count
}

// subjects are paths as they are given to be watched.
func subjects(paths []string) []string {
	subjects := make([]string, len(paths))
	for i, path := range paths {
		subjects[i] = "path:" + path
	}
	return subjects
}

func (w *watchTest) at(name string) string { return filepath.Join(w.directory, name) }

// watch replaces the watch set and waits until it is armed.
func (w *watchTest) watch(paths ...string) object {
	w.t.Helper()
	if paths == nil {
		paths = []string{}
	}
	w.paths = paths
	w.id = w.begin("watch", nil, object{"options": object{"subjects": subjects(paths)}})
	progress := w.event(w.id)
	if progress["event"] != "progress" {
		w.t.Fatal(progress)
	}
	data := progress["data"].(object)
	if data["mode"] != w.mode || data["watching"] != float64(len(paths)) {
		w.t.Fatal(data)
	}
	return data
}

// told waits until a path is told to have changed, and gives the change. Anything about other paths fails the test.
func (w *watchTest) told(path string) object {
	w.t.Helper()
	for {
		event := w.event(w.id)
		if event["event"] == "progress" {
			continue
		}
		data := event["data"].(object)
		if data["overflow"] == true {
			w.t.Fatal(data)
		}
		for _, one := range data["changes"].([]any) {
			change := one.(object)
			if change["subject"] == "path:"+w.marker {
				continue
			}
			if change["subject"] != "path:"+path {
				w.t.Fatalf("%v was told, not %s", change, path)
			}
			if by := change["by"].(object); by["source"] != w.mode || change["at_ms"].(float64) < 1.6e12 {
				w.t.Fatal(change)
			}
			return change
		}
	}
}

// calm lets what has been told already pass, until a change of the marker path has been told.
func (w *watchTest) calm(marker string) (changes []object) {
	w.t.Helper()
	w.marker = marker
	put(w.t, marker, time.Now().String())
	for {
		data := w.event(w.id)["data"].(object)
		if data["overflow"] == true {
			w.t.Fatal("events were lost")
		}
		list, _ := data["changes"].([]any)
		for _, one := range list {
			if change := one.(object); change["subject"] == "path:"+marker {
				return changes
			}
			changes = append(changes, one.(object))
		}
	}
}

func TestEveryKindOfChangeIsTold(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		path, marker, other := w.at("file"), w.at("marker"), w.at("other")
		put(t, path, "one")
		put(t, marker, "")
		w.watch(path, marker)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, change := range []struct {
			name string
			make func()
		}{
			{"content", func() { put(t, path, "two") }},
			{"append", func() {
				file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				must(err)
				_, err = file.WriteString("more") // and it stays open
				must(err)
				t.Cleanup(func() { _ = file.Close() })
			}},
			{"truncation", func() { must(os.Truncate(path, 0)) }},
			{"mode", func() { must(os.Chmod(path, 0o600)) }},
			{"times", func() { must(os.Chtimes(path, time.Now(), time.Now())) }},
			{"replacement", func() { put(t, other, "three"); must(os.Rename(other, path)) }},
			{"removal", func() { must(os.Remove(path)) }},
			{"a link in its place", func() { must(os.Symlink("x", path)) }},
			{"renamed away", func() { must(os.Rename(path, other)) }},
			{"a directory in its place", func() { must(os.Mkdir(path, 0o755)) }},
			{"the directory's mode", func() { must(os.Chmod(path, 0o700)) }},
			{"the directory's removal", func() { must(os.Remove(path)) }},
			{"a hard link", func() { must(os.Link(marker, path)) }},
		} {
			t.Log(change.name)
			change.make()
			w.told(path)
			for _, further := range w.calm(marker) { // a change may be told more than once, but none of another path
				if further["subject"] != "path:"+path {
					t.Errorf("%s: %v", change.name, further)
				}
			}
		}
		put(t, w.at("neighbour"), "x")
		must(os.Remove(w.at("neighbour")))
		if changes := w.calm(marker); changes != nil {
			t.Errorf("told of a neighbour: %v", changes)
		}
	})
}

func TestPathsThatDoNotExistAreWatchedThroughTheirAncestors(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		path := w.at("a/b/c/file")
		w.watch(path)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			must(os.MkdirAll(w.at("a/b/c"), 0o755)) // there still is nothing at the path
			put(t, path, "x")
			w.told(path)
			for _, move := range [][2]string{{"a/b", "a/moved"}, {"a/moved", "a/b"}, {"a", "gone"}, {"gone", "a"}} {
				drain(w)
				must(os.Rename(w.at(move[0]), w.at(move[1])))
				w.told(path)
			}
			drain(w)
			put(t, path, "y")
			w.told(path)
			drain(w)
			must(os.RemoveAll(w.at("a")))
			w.told(path)
			drain(w)
		}
		must(os.MkdirAll(w.at("a/b"), 0o755))
		must(os.MkdirAll(w.at("elsewhere"), 0o755))
		must(os.Symlink("../../elsewhere", w.at("a/b/c")))
		chownAll(t, w)
		put(t, w.at("elsewhere/file"), "x")
		w.told(path)
	})
}

// drain waits until the runner has told what it had to tell: until a fresh watch command with the same paths is armed.
func drain(w *watchTest) {
	w.t.Helper()
	old := w.id
	w.watch(w.paths...)
	w.answer(old)
}

func TestSafeLinksOnTheWayAreFollowed(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		for _, directory := range []string{"one", "two"} {
			if err := os.Mkdir(w.at(directory), 0o755); err != nil {
				t.Fatal(err)
			}
			put(t, w.at(directory+"/file"), directory)
		}
		if err := os.Symlink("one", w.at("current")); err != nil {
			t.Fatal(err)
		}
		chownAll(t, w)
		path := w.at("current/file")
		w.watch(path)
		put(t, w.at("one/file"), "x")
		w.told(path)
		drain(w)
		if err := os.Symlink("two", w.at("next")); err != nil {
			t.Fatal(err)
		}
		chownAll(t, w)
		drain(w)
		if err := os.Rename(w.at("next"), w.at("current")); err != nil {
			t.Fatal(err)
		}
		w.told(path)
		drain(w)
		put(t, w.at("two/file"), "y")
		w.told(path)
	})
}

// chownAll gives everything to the user that the runner acts as: links of others are not followed.
func chownAll(t *testing.T, w *watchTest) {
	t.Helper()
	stat, err := os.Stat(w.directory)
	if err != nil {
		t.Fatal(err)
	}
	owner := stat.Sys().(*syscall.Stat_t)
	err = filepath.WalkDir(w.directory, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
	if err != nil && !os.IsPermission(err) {
		t.Fatal(err)
	}
}

func TestADirectoryWithASlashIsWatchedInside(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		inside, plain := w.at("inside"), w.at("plain")
		for _, directory := range []string{inside, plain} {
			if err := os.Mkdir(directory, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		marker := put(t, w.at("marker"), "")
		w.watch(inside+"/", plain, marker)
		put(t, filepath.Join(plain, "entry"), "x")
		if changes := w.calm(marker); changes != nil {
			t.Fatalf("told of an entry: %v", changes)
		}
		put(t, filepath.Join(inside, "entry"), "x")
		w.told(inside + "/")
		w.calm(marker)
		if err := os.Chmod(filepath.Join(inside, "entry"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.told(inside + "/")
		w.calm(marker)
		directory, err := syscall.Open(inside, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(directory)
		draft, err := temp.NewWorkshop().Named().Create(sys.FD(directory))
		if err != nil {
			t.Fatal(err)
		}
		if changes := w.calm(marker); changes != nil {
			t.Fatalf("told of a temporary file of one who lives: %v", changes)
		}
		draft.Close()
		w.calm(marker)
		put(t, filepath.Join(inside, ".froyo-01234567-1-1-1"), "nobody's, whatever its name says")
		w.told(inside + "/")
		w.calm(marker)
		if err := os.Rename(inside, inside+"2"); err != nil {
			t.Fatal(err)
		}
		w.told(inside + "/")
		w.calm(marker)
		if err := os.Mkdir(inside, 0o755); err != nil {
			t.Fatal(err)
		}
		w.told(inside + "/")
		w.calm(marker)
		put(t, filepath.Join(inside, "entry"), "x")
		w.told(inside + "/")
	})
}

func TestOwnWritesAreNotTold(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		path, link, directory, marker := w.at("file"), w.at("link"), w.at("directory"), w.at("marker")
		deep := w.at("new/deep/file")
		put(t, marker, "")
		w.watch(path, link, directory, deep, marker)
		for round := range 5 {
			w.ok("file.write", object{"path": path, "blob": w.send([]byte(fmt.Sprint("round ", round))), "backup": ".orig"})
			w.ok("file.write", object{"path": path, "mode": "0600"})
			w.ok("link.ensure", object{"path": link, "to": fmt.Sprint("to-", round)})
			w.ok("dir.ensure", object{"path": directory, "mode": "0750"})
			w.ok("dir.ensure", object{"path": filepath.Dir(deep), "parents": true})
			w.ok("file.write", object{"path": deep, "blob": w.send([]byte("deep"))})
			w.ok("file.remove", object{"path": path})
			w.ok("dir.remove", object{"path": directory})
			w.ok("dir.remove", object{"path": w.at("new"), "recursive": true})
			w.ok("file.write", object{"path": path, "blob": w.send([]byte(fmt.Sprint("round ", round)))})
			if changes := w.calm(marker); changes != nil {
				t.Fatalf("round %d: %v", round, changes)
			}
		}
		put(t, path, "somebody else")
		w.told(path)
	})
}

func TestANewWatchTakesOverWithoutAGap(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		one, two := put(t, w.at("one"), ""), put(t, w.at("two"), "")
		w.watch(one)
		first := w.id
		w.watch(one, two)
		if answer := w.answer(first); answer["type"] != "DONE" || len(answer["results"].([]any)) != 0 {
			t.Fatal(answer)
		}
		put(t, two, "x")
		w.told(two)
		second := w.id
		w.watch()
		w.answer(second)
		w.frame(object{"type": "CANCEL", "id": w.id})
		if answer := w.answer(w.id); answer["type"] != "ERROR" || answer["error"].(object)["code"] != "cancelled" {
			t.Fatal(answer)
		}
		w.watch(one)
		put(t, one, "y")
		w.told(one)
		for _, options := range []object{{}, {"subjects": "x"}, {"subjects": []string{"/x"}}, {"subjects": []string{"path:x"}}, {"subjects": []string{"path:/x//"}}} {
			answer := w.answer(w.begin("watch", nil, object{"options": options}))
			if answer["type"] != "ERROR" || answer["error"].(object)["class"] != "permanent" {
				t.Errorf("%v: %v", options, answer)
			}
		}
		put(t, one, "z") // the older one is still at work
		w.told(one)
	})
}

func TestWhatNothingHereWatchesIsSaid(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		one := w.at("one")
		w.id = w.begin("watch", nil, object{"options": object{"subjects": []string{"package:nginx", "path:" + one}}})
		data := w.event(w.id)["data"].(object)
		if data["degraded"] != "package:nginx: nothing here watches a package" || data["watching"] != 1.0 {
			t.Fatal(data)
		}
		put(t, one, "x")
		w.told(one)
	})
}

func TestWhatSomebodyMountsIsTold(t *testing.T) {
	needRoot(t)
	c := start(t)
	place := filepath.Join(t.TempDir(), "my place")
	if err := os.Mkdir(place, 0o755); err != nil {
		t.Fatal(err)
	}
	id := c.begin("watch", nil, object{"options": object{"subjects": []string{"mount:" + place, "mount:/nowhere"}}})
	if data := c.event(id)["data"].(object); data["watching"] != 2.0 || data["degraded"] != "" {
		t.Fatal(data)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", place).Run() })
	for i, argv := range [][]string{{"mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place}, {"mount", "-o", "remount,ro", place}, {"umount", place}} {
		if output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			if i == 0 {
				t.Skipf("mount: %s", output)
			}
			t.Fatalf("%v: %s", argv, output)
		}
		changes := c.event(id)["data"].(object)["changes"].([]any)
		if one := changes[0].(object); len(changes) != 1 || one["subject"] != "mount:"+place || one["by"].(object)["source"] != "mountinfo" {
			t.Fatalf("%v: %v", argv, changes)
		}
	}
}

func TestLostEventsAreSaidToBeLost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty thousand files")
	}
	watching(t, func(t *testing.T, w *watchTest) {
		path := w.at("file")
		w.watch(path)
		if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for i := range 20_000 { // the queue holds 16,384
			name := w.at(fmt.Sprint("noise-", i))
			if err := os.Symlink("x", name); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		for {
			if data := w.event(w.id)["data"].(object); data["overflow"] == true {
				break
			}
		}
		put(t, path, "x")
		w.told(path)
	})
}

func TestMountsOnTheWayAreNoticed(t *testing.T) {
	needRoot(t)
	watching(t, func(t *testing.T, w *watchTest) {
		if err := os.Mkdir(w.at("mnt"), 0o755); err != nil {
			t.Fatal(err)
		}
		path := w.at("mnt/file")
		put(t, path, "below")
		w.watch(path)
		if output, err := exec.Command("mount", "-t", "tmpfs", "tmpfs", w.at("mnt")).CombinedOutput(); err != nil {
			t.Skipf("mount: %s", output)
		}
		t.Cleanup(func() { _ = exec.Command("umount", "-l", w.at("mnt")).Run() })
		w.told(path)
		drain(w)
		put(t, path, "x")
		w.told(path)
		if output, err := exec.Command("umount", w.at("mnt")).CombinedOutput(); err != nil {
			t.Fatalf("watching keeps a file system busy: %s", output)
		}
		w.told(path)
	})
}

func TestWhoDidItIsTold(t *testing.T) {
	needRoot(t)
	watching(t, func(t *testing.T, w *watchTest) {
		if w.mode != "fanotify" {
			t.Skip("inotify does not know")
		}
		path := put(t, w.at("file"), "")
		w.watch(path)
		// A process that lives on, as a child of one with the environment of an ssh session, as another user: its word about where it came
		// from is told as such.
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		w.told(path)
		if err := os.Chmod(w.directory, 0o755); err != nil {
			t.Fatal(err)
		}
		script := "echo spoiled >" + path + "; read line; exit 0"
		command := exec.Command("sh", "-c", "setpriv --reuid=65534 --clear-groups env -u SSH_CONNECTION sh -c '"+script+"' \"two\twords\"; exit 0")
		command.Env = append(os.Environ(), "SSH_CONNECTION=10.0.0.9 5555 10.0.0.1 22")
		in, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		by := w.told(path)["by"].(object)
		_ = in.Close()
		_ = command.Wait()
		if by["command"] != "sh -c "+script+" two words" || by["user"] != "nobody" || by["session"] != "claims ssh from 10.0.0.9" || by["ended"] != nil {
			t.Error(by)
		}
		parents := by["parents"].([]any)
		if len(parents) < 2 || parents[0] != "sh" {
			t.Error(parents)
		}
		if pid := by["pid"].(float64); pid < 2 {
			t.Error(by)
		}
	})
}

// realTime says whether one of the runner's threads is a real-time one.
func (w *watchTest) realTime() bool {
	w.t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%v/task/*/stat", w.ready["pid"]))
	if err != nil || len(threads) == 0 {
		w.t.Fatal(threads, err)
	}
	for _, path := range threads {
		stat, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 38 && fields[38] == "2" { // the policy, SCHED_RR
			return true
		}
	}
	return false
}

// What makes a change is often over within less than a millisecond, and it was an ordinary `chmod` of which nothing but a number was known.
func TestAProcessThatEndsAtOnceIsKnownAllTheSame(t *testing.T) {
	needRoot(t)
	watching(t, func(t *testing.T, w *watchTest) {
		if w.mode != "fanotify" {
			t.Skip("inotify does not know")
		}
		path := put(t, w.at("file"), "")
		w.watch(path)
		if !w.realTime() {
			t.Skip("the kernel does not let the runner have a real-time thread here")
		}
		const rounds = 200
		unknown := 0
		for i := range rounds {
			if err := exec.Command("chmod", []string{"0600", "0644"}[i%2], path).Run(); err != nil {
				t.Fatal(err)
			}
			by := w.told(path)["by"].(object)
			command, _ := by["command"].(string)
			if command == "" {
				unknown++
			} else if by["ended"] == nil && !strings.HasPrefix(command, "chmod") {
				t.Fatal(by)
			}
		}
		t.Logf("of %d of %d nothing but a number is known", unknown, rounds) // how many depends on what else the machine does
	})
}

// Whoever makes many changes must not get the runner to take the processors from everybody else.
func TestAStormOfChangesIsNotHeardInHaste(t *testing.T) {
	needRoot(t)
	watching(t, func(t *testing.T, w *watchTest) {
		path := put(t, w.at("file"), "")
		w.watch(path, w.at("")+"/")
		if !w.realTime() {
			t.Skip("the kernel does not let the runner have a real-time thread here")
		}
		go func() { // of the storm itself
			for range w.events[w.id] {
			}
		}()
		for range 4 { // one alone is none where others want the processors, too
			storm := exec.Command("sh", "-c", "while :; do echo >"+path+"; done")
			if err := storm.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = storm.Wait() }()
			defer func() { _ = storm.Process.Kill() }()
		}
		for end := time.Now().Add(patience); w.realTime(); {
			if time.Now().After(end) {
				t.Fatal("it goes on being real-time")
			}
		}
	})
}

func TestNoneOfThousandsOfOverwritesIsMissed(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 100
	}
	watching(t, func(t *testing.T, w *watchTest) {
		path := put(t, w.at("file"), "")
		w.watch(path)
		for range rounds {
			put(t, path, "spoiled in place")
			w.told(path)
		}
	})
}

func TestALargeWatchSet(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		var paths []string
		for i := range 2000 {
			paths = append(paths, w.at(fmt.Sprintf("d%d/file-%d", i%20, i)))
		}
		for i := range 20 {
			if err := os.Mkdir(w.at(fmt.Sprint("d", i)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		marker := put(t, w.at("marker"), "")
		w.watch(append(paths, marker)...)
		for _, i := range []int{0, 777, 1999} {
			put(t, paths[i], "x")
			w.told(paths[i])
			drain(w)
		}
		var items []object
		for i, path := range paths {
			items = append(items, object{"path": path, "blob": w.send([]byte(fmt.Sprint("content ", i)))})
		}
		w.do("file.write", items...)
		for _, further := range w.calm(marker) {
			t.Fatalf("told of an own write: %v", further)
		}
		slices.Reverse(paths)
		if degraded := w.watch(paths[:10]...)["degraded"]; degraded != "" {
			t.Fatal(degraded)
		}
	})
}

func TestWhatCannotBeWatchedIsSaid(t *testing.T) {
	watching(t, func(t *testing.T, w *watchTest) {
		if w.mode == "inotify" {
			secret := w.at("secret")
			if err := os.Mkdir(secret, 0o700); err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() != 0 {
				t.Skip("needs a directory of somebody else")
			}
			degraded := w.watch(filepath.Join(secret, "file"))["degraded"].(string)
			if !strings.Contains(degraded, secret) || !strings.Contains(degraded, "permission denied") {
				t.Fatal(degraded)
			}
		}
		unsafe := w.at("unsafe")
		if err := os.Mkdir(unsafe, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(unsafe, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc", filepath.Join(unsafe, "link")); err != nil {
			t.Fatal(err)
		}
		degraded := w.watch(filepath.Join(unsafe, "link", "file"))["degraded"].(string)
		if !strings.Contains(degraded, "not followed") {
			t.Fatal(degraded)
		}
		if degraded := w.watch(w.at("file"))["degraded"]; degraded != "" {
			t.Fatal(degraded)
		}
	})
}
