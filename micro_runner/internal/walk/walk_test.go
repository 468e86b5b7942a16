package walk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSplit(t *testing.T) {
	for path, want := range map[string][2]string{
		"/": {"/", "."}, "/a": {"/", "a"}, "/a/b": {"/a", "b"}, "/a/b/c": {"/a/b", "c"},
	} {
		if dir, name := Split(path); dir != want[0] || name != want[1] {
			t.Errorf("%s: %s %s", path, dir, name)
		}
	}
}

// same fails unless a descriptor is that of a directory.
func same(t *testing.T, fd sys.FD, directory string) {
	t.Helper()
	got, err := sys.Fstat(fd)
	must(t, err)
	want, err := sys.Statat(sys.AtFdCwd, directory)
	must(t, err)
	if !got.Same(&want) {
		t.Fatalf("not %s", directory)
	}
}

func TestParentFollowsSafeLinks(t *testing.T) {
	base := t.TempDir()
	must(t, os.Chmod(base, 0o755))
	must(t, os.MkdirAll(base+"/a/b/c", 0o755))
	links := map[string]string{
		"relative": "a/b", "absolute": base + "/a/b", "up": "a/../a/./b/", "chain": "relative", "slashes": "a//b",
	}
	for name, to := range links {
		must(t, os.Symlink(to, filepath.Join(base, name)))
	}
	for name := range links {
		fd, last, err := Parent(filepath.Join(base, name, "c", "file"))
		must(t, err)
		if last != "file" {
			t.Fatal(last)
		}
		same(t, fd, base+"/a/b/c")
		fd.Close()
	}
	fd, name, err := Parent(base + "/a")
	must(t, err)
	same(t, fd, base)
	if name != "a" {
		t.Fatal(name)
	}
	fd.Close()
	fd, name, err = Parent("/")
	must(t, err)
	same(t, fd, "/")
	if name != "." {
		t.Fatal(name)
	}
	fd.Close()
}

func code(err error) fault.Code {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestParentRefuses(t *testing.T) {
	base := t.TempDir()
	must(t, os.Chmod(base, 0o755))
	must(t, os.MkdirAll(base+"/good/deep", 0o755))
	must(t, os.WriteFile(base+"/file", nil, 0o644))
	must(t, os.Symlink("loop", base+"/loop"))
	must(t, os.Symlink("/nowhere/at/all", base+"/dangling"))
	must(t, os.Symlink("file", base+"/to-file"))
	for name, mode := range map[string]os.FileMode{"group": 0o775, "world": 0o777, "sticky": 0o777 | os.ModeSticky} {
		must(t, os.Mkdir(base+"/"+name, 0o755))
		must(t, os.Symlink(base+"/good", base+"/"+name+"/link"))
		must(t, os.Chmod(base+"/"+name, mode))
	}
	cases := map[string]fault.Code{
		"/gone/x": fault.NotFound, "/file/x": fault.NotDirectory, "/to-file/x": fault.NotDirectory,
		"/loop/x": fault.SymlinkLoop, "/dangling/x": fault.NotFound,
		"/group/link/x": fault.UnsafeSymlink, "/world/link/deep/x": fault.UnsafeSymlink, "/sticky/link/x": fault.UnsafeSymlink,
		"/world/link": "", // the last name is not looked at
	}
	for path, want := range cases {
		fd, _, err := Parent(base + path)
		if code(err) != want {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			fd.Close()
		} else if fd >= 0 {
			t.Errorf("%s: a descriptor and an error", path)
		}
	}
	_, _, err := Parent(base + "/world/link/x")
	if !strings.Contains(err.Error(), base+"/world/link is in a directory that others can write to") {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make what belongs to others")
	}
	must(t, os.Symlink("good", base+"/theirs"))
	must(t, os.Lchown(base+"/theirs", 65534, 65534))
	if _, _, err := Parent(base + "/theirs/x"); code(err) != fault.UnsafeSymlink || !strings.Contains(err.Error(), "user 65534") {
		t.Error(err)
	}
	must(t, os.Mkdir(base+"/home", 0o755))
	must(t, os.Symlink("../good", base+"/home/link"))
	must(t, os.Chown(base+"/home", 65534, 65534))
	if _, _, err := Parent(base + "/home/link/x"); code(err) != fault.UnsafeSymlink {
		t.Error(err)
	}
}

func TestTraceShowsEveryNameBeforeItIsLookedUp(t *testing.T) {
	base := t.TempDir()
	must(t, os.Chmod(base, 0o755))
	must(t, os.MkdirAll(base+"/a/b", 0o755))
	must(t, os.Symlink("a", base+"/link"))
	var seen []string
	visit := func(_ sys.FD, at, name string) {
		if strings.HasPrefix(at+"/", base+"/") {
			seen = append(seen, strings.TrimPrefix(at, base)+":"+name)
		}
	}
	fd, at, err := Trace(base+"/link/b", visit)
	must(t, err)
	same(t, fd, base+"/a/b")
	fd.Close()
	if got := strings.Join(seen, " "); got != ":link :a /a:b" || at != base+"/a/b" {
		t.Fatal(got, at)
	}
	seen = nil
	if _, at, err = Trace(base+"/link/x/y", visit); code(err) != fault.NotFound || at != base+"/a" {
		t.Fatal(at, err)
	}
	if got := strings.Join(seen, " "); got != ":link :a /a:x" {
		t.Fatal(got)
	}
}

func TestCacheKeepsAFewDirectoriesOpen(t *testing.T) {
	base := t.TempDir()
	must(t, os.Chmod(base, 0o755))
	var cache Cache
	defer cache.Close()
	for round := range 2 {
		for i := range maxOpen + 10 {
			directory := fmt.Sprintf("%s/%d", base, i)
			if round == 0 {
				must(t, os.Mkdir(directory, 0o755))
			}
			fd, name, err := cache.Parent(directory + "/file")
			must(t, err)
			same(t, fd, directory)
			if again, _, _ := cache.Parent(directory + "/other"); again != fd || name != "file" {
				t.Fatal("it was opened twice")
			}
		}
	}
	if len(cache.dirs) > maxOpen {
		t.Fatal(len(cache.dirs))
	}
	for range 2 {
		if _, _, err := cache.Parent(base + "/gone/file"); code(err) != fault.NotFound {
			t.Fatal(err)
		}
	}
	if _, _, err := cache.Parent("relative"); code(err) != fault.BadPath {
		t.Fatal(err)
	}
}
