package temp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/harness/disk"
	"froyo.dev/runner/internal/sys"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, directory string) (sys.FD, sys.Stat) {
	t.Helper()
	fd, err := sys.Openat(sys.AtFdCwd, directory, sys.OPath|syscall.O_DIRECTORY, 0)
	must(t, err)
	t.Cleanup(fd.Close)
	stat, err := sys.Fstat(fd)
	must(t, err)
	return fd, stat
}

func list(t *testing.T, directory string) string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

// both runs a test with and without files that have no name.
func both(t *testing.T, test func(t *testing.T, workshop *Workshop)) {
	t.Run("without names", func(t *testing.T) { test(t, NewWorkshop()) })
	t.Run("with names", func(t *testing.T) { test(t, NewWorkshop().Named()) })
}

func TestADraftTakesAName(t *testing.T) {
	both(t, func(t *testing.T, w *Workshop) {
		directory := disk.New(t)
		dir, _ := open(t, directory)
		draft := func(content string) *Draft {
			d, err := w.Create(dir)
			must(t, err)
			_, err = syscall.Pwrite(int(d.FD), []byte(content), 0)
			must(t, err)
			d.Seal()
			return d
		}
		one := draft("one")
		must(t, one.Add("file"))
		none := draft("none")
		if !errors.Is(none.Add("file"), syscall.EEXIST) {
			t.Fatal("it replaced another")
		}
		none.Close()
		two := draft("two")
		must(t, two.Replace("file"))
		three := draft("three")
		name, err := three.Name(".conf")
		must(t, err)
		if again, err := three.Name(""); again != name || err != nil || !strings.HasSuffix(name, ".conf") {
			t.Fatal(name, again, err)
		}
		other, err := three.Name(".other")
		must(t, err)
		if got := list(t, directory); !strings.HasSuffix(other, ".other") || got != other+" file" {
			t.Fatal(other, got)
		}
		long := draft("long")
		if name, err := long.Name("." + strings.Repeat("x", 250)); err != nil || strings.Contains(name, "x") {
			t.Fatal(name, err)
		}
		long.Close()
		must(t, three.Add("other"))
		must(t, draft("gone").Discard())
		d := draft("gone")
		_, err = d.Name("")
		must(t, err)
		d.Close()
		d.Close()
		content, err := os.ReadFile(directory + "/file")
		must(t, err)
		if string(content) != "two" {
			t.Fatalf("%q", content)
		}
		w.Close()
		if got := list(t, directory); got != "file other" {
			t.Fatal(got)
		}
		if len(w.named) != 0 {
			t.Fatal("names are remembered for ever")
		}
	})
}

func TestLinksTakeANameToo(t *testing.T) {
	w := NewWorkshop()
	directory := disk.New(t)
	dir, _ := open(t, directory)
	for i, put := range []func(*Draft) error{
		func(d *Draft) error { return d.Add("link") },
		func(d *Draft) error { return d.Replace("link") },
	} {
		d, err := w.Symlink(dir, fmt.Sprint("to-", i))
		must(t, err)
		stat, err := d.Stat()
		must(t, err)
		must(t, d.Give(int(stat.UID), int(stat.GID)))
		must(t, put(d))
	}
	must(t, os.WriteFile(directory+"/file", []byte("x"), 0o600))
	d, err := w.Hardlink(dir, "file")
	must(t, err)
	must(t, d.Replace("backup"))
	_, err = w.Hardlink(dir, "gone")
	if !errors.Is(err, syscall.ENOENT) {
		t.Fatal(err)
	}
	if to, err := os.Readlink(directory + "/link"); err != nil || to != "to-1" || list(t, directory) != "backup file link" {
		t.Fatal(to, err, list(t, directory))
	}
}

func TestARenameIsTriedAgainWhenItsDraftWasSwept(t *testing.T) {
	w := NewWorkshop()
	directory := disk.New(t)
	dir, _ := open(t, directory)
	d, err := w.Create(dir)
	must(t, err)
	_, err = d.Name("")
	must(t, err)
	must(t, os.Remove(filepath.Join(directory, d.name)))
	if err := d.Replace("file"); !errors.Is(err, syscall.ENOENT) { // nothing is left of it
		t.Fatal(err)
	}
	if got := list(t, directory); got != "" {
		t.Fatal(got)
	}
}

func TestAClosedWorkshopGivesNoNames(t *testing.T) {
	both(t, func(t *testing.T, w *Workshop) {
		directory := disk.New(t)
		dir, _ := open(t, directory)
		d, err := w.Create(dir)
		must(t, err)
		_, err = d.Name("")
		must(t, err)
		other, err := w.Create(dir)
		must(t, err)
		w.Close()
		if got := list(t, directory); got != "" {
			t.Fatal(got)
		}
		if !w.withNames {
			if _, err := other.Name(""); err == nil || other.Replace("x") == nil {
				t.Fatal("it got a name")
			}
		} else if _, err := other.Name(".conf"); err == nil {
			t.Fatal("it got another name")
		} else if _, err := w.Create(dir); err == nil {
			t.Fatal("it got a name")
		}
		if _, err := w.Symlink(dir, "x"); err == nil {
			t.Fatal("it got a name")
		}
		if _, err := w.Hardlink(dir, "x"); err == nil {
			t.Fatal("it got a name")
		}
	})
}

// dead is the id and the start of a process that has ended.
func dead(t *testing.T) (int, uint64) {
	t.Helper()
	command := exec.Command("sleep", "1000")
	must(t, command.Start())
	start, ok := startOf(command.Process.Pid)
	if !ok {
		t.Fatal("a process without a start")
	}
	must(t, command.Process.Kill())
	_ = command.Wait()
	return command.Process.Pid, start
}

func TestSweepRemovesExactlyWhatNobodyWillFinish(t *testing.T) {
	w := NewWorkshop()
	pid, start := dead(t)
	living := exec.Command("sleep", "1000")
	must(t, living.Start())
	defer func() { _ = living.Process.Kill(); _ = living.Wait() }()
	since, _ := startOf(living.Process.Pid)
	name := func(world string, pid int, start uint64, rest string) string {
		return maker{world, pid, start}.prefix() + rest
	}
	here, there := w.self.world, "01234567"
	file := func(path string) { must(t, os.WriteFile(path, nil, 0o600)) }
	locked := func(path string) {
		file(path)
		holder, err := os.Open(path)
		must(t, err)
		must(t, syscall.Flock(int(holder.Fd()), syscall.LOCK_EX))
		t.Cleanup(func() { _ = holder.Close() })
	}
	link := func(path string) { must(t, os.Symlink("x", path)) }
	directory := func(path string) { must(t, os.Mkdir(path, 0o700)) }
	cases := []struct {
		what string
		name string
		make func(string)
		kept bool
	}{
		{"of a process that has ended", name(here, pid, start, "1"), file, false},
		{"with an extension", name(here, pid, start, "2.conf"), file, false},
		{"a link of a process that has ended", name(here, pid, start, "3"), link, false},
		{"of an id that another process has now", name(here, living.Process.Pid, since+1, "4"), file, false},
		{"of a process that lives", name(here, living.Process.Pid, since, "5"), file, true},
		{"a link of a process that lives", name(here, living.Process.Pid, since, "6"), link, true},
		{"of this very process", name(here, os.Getpid(), w.self.start, "7"), file, true},
		{"locked, whatever the name says", name(here, pid, start, "8"), locked, true},
		{"of another boot or container", name(there, 1, 1, "9"), file, false},
		{"of another container, locked", name(there, 1, 1, "a"), locked, true},
		{"a fresh link of another container", name(there, 1, 1, "b"), link, true},
		{"a directory", name(here, pid, start, "c"), directory, true},
		{"not quite such a name", ".froyo-keep", file, true},
		{"a name with a number that is none", ".froyo-01234567-ffffffffff-1-1", file, true},
		{"another name", "froyo-" + name(here, pid, start, "d"), file, true},
	}
	base := disk.New(t)
	for _, c := range cases {
		c.make(filepath.Join(base, c.name))
	}
	dir, stat := open(t, base)
	w.Sweep(dir, &stat)
	for _, c := range cases {
		if _, err := os.Lstat(filepath.Join(base, c.name)); (err == nil) != c.kept {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	file(filepath.Join(base, cases[0].name))
	w.Sweep(dir, &stat)
	if _, err := os.Lstat(filepath.Join(base, cases[0].name)); err != nil {
		t.Error("a directory is swept more than once a session")
	}
	NewWorkshop().Sweep(dir, &stat)
	if _, err := os.Lstat(filepath.Join(base, cases[0].name)); err == nil {
		t.Error("the next session does not sweep")
	}
}

func TestALinkOfAnotherContainerIsSweptWhenItIsOld(t *testing.T) {
	w := NewWorkshop()
	directory := disk.New(t)
	dir, _ := open(t, directory)
	name := maker{"01234567", 1, 1}.prefix() + "1"
	must(t, os.Symlink("x", filepath.Join(directory, name)))
	for end := time.Now().Add(time.Minute); !w.stale(dir, name); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never gets stale")
		}
	}
}

func TestNamesAreRecognized(t *testing.T) {
	w := NewWorkshop()
	for _, extension := range []string{"", ".conf", ".tar.gz"} {
		name := w.newName(extension)
		if by, ok := makerOf(name); !ok || by != w.self {
			t.Error(name)
		}
	}
	for _, name := range []string{"", "file", ".froyo", ".froyo-", ".froyo-xyz", ".froyo-01234567-1-1", ".froyo-01234567-1-1-1x", "x.froyo-01234567-1-1-1"} {
		if _, ok := makerOf(name); ok {
			t.Error(name)
		}
	}
}

func TestOnlyWhatSomebodyTrustedIsAtWorkOnIsHidden(t *testing.T) {
	both(t, func(t *testing.T, w *Workshop) {
		pid, start := dead(t)
		living := exec.Command("sleep", "1000")
		must(t, living.Start())
		defer func() { _ = living.Process.Kill(); _ = living.Wait() }()
		since, _ := startOf(living.Process.Pid)
		base := disk.New(t)
		dir, _ := open(t, base)
		name := func(pid int, start uint64, number string) string {
			return maker{w.self.world, pid, start}.prefix() + number
		}
		file := func(path string) { must(t, os.WriteFile(path, nil, 0o600)) }
		cases := []struct {
			what   string
			name   string
			make   func(string)
			hidden bool
		}{
			{"of a runner that lives", name(living.Process.Pid, since, "1"), file, true},
			{"of a runner that lives, with this name", name(os.Getpid(), w.self.start, "ffffffff"), file, false},
			{"of nobody who lives", name(pid, start, "2"), file, false},
			{"a directory", name(living.Process.Pid, since, "3.d"), func(path string) { must(t, os.Mkdir(path, 0o700)) }, false},
			{"a pipe", name(living.Process.Pid, since, "4"), func(path string) { must(t, syscall.Mkfifo(path, 0o600)) }, false},
			{"a link", name(living.Process.Pid, since, "5"), func(path string) { must(t, os.Symlink("x", path)) }, true},
			{"another name", "file", file, false},
		}
		if os.Geteuid() == 0 {
			cases = append(cases, cases[0])
			other := &cases[len(cases)-1]
			other.what, other.name, other.hidden = "somebody else's", name(living.Process.Pid, since, "6"), false
			other.make = func(path string) { file(path); must(t, os.Chown(path, 12345, -1)) }
		}
		check := func(what, name string, hidden bool) {
			t.Helper()
			stat, err := sys.Statat(dir, name)
			must(t, err)
			if w.Hides(dir, name, &stat) != hidden || w.Passing(dir, name) != hidden {
				t.Errorf("%s: want %v", what, hidden)
			}
		}
		for _, c := range cases {
			c.make(filepath.Join(base, c.name))
			check(c.what, c.name, c.hidden)
		}
		draft, err := w.Create(dir)
		must(t, err)
		own, err := draft.Name("")
		must(t, err)
		if os.Geteuid() == 0 {
			must(t, draft.Give(12345, -1))
		}
		check("its own draft, whoever owns it by now", own, true)
		must(t, draft.Replace("done"))
		if !w.Passing(dir, own) || !w.Passing(dir, name(living.Process.Pid, since, "7")) {
			t.Error("a draft that has been renamed concerns somebody")
		}
		if w.Passing(dir, name(pid, start, "8")) || w.Passing(dir, "gone") {
			t.Error("what nobody can have drafted is not told")
		}
	})
}
