package obstacle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/dirs"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/files"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/links"
)

type object = harness.Object

// The test binary is the guard of the programs that it runs.
func TestMain(m *testing.M) {
	if len(os.Args) >= 4 && os.Args[1] == execute.GuardMode {
		os.Exit(execute.Guard(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

func family(host *command.Host) []command.Command {
	return append(append(files.Commands(host), dirs.Commands(host)...), links.Commands(host)...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func chattr(t *testing.T, attribute, path string) {
	t.Helper()
	if output, err := exec.Command("chattr", attribute, path).CombinedOutput(); err != nil {
		t.Skipf("chattr: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-"+attribute[1:], path).Run() })
}

func mount(t *testing.T, arguments ...string) {
	t.Helper()
	if output, err := exec.Command("mount", arguments...).CombinedOutput(); err != nil {
		t.Skipf("mount: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", arguments[len(arguments)-1]).Run() })
}

// codes are those of the obstacles to what is wanted, with their subjects.
func obstacles(h *harness.Harness, path string, wanted object) (all []string, first object) {
	h.T.Helper()
	item := object{"path": path, "wanted": wanted}
	for _, name := range []string{"backup", "validate"} {
		if value, ok := wanted[name]; ok {
			item[name] = value
		}
	}
	found, _ := h.OK("file.stat", item)["obstacles"].([]any)
	for i, one := range found {
		obstacle := one.(object)
		if i == 0 {
			first = obstacle
		}
		text := obstacle["code"].(string)
		for _, subject := range obstacle["subjects"].([]any) {
			text += " " + subject.(string)
		}
		all = append(all, text)
	}
	return all, first
}

// write does what is wanted, as a provider would.
func write(h *harness.Harness, path string, wanted object) object {
	h.T.Helper()
	item := object{"path": path, "expect": h.OK("file.stat", object{"path": path})["state"]}
	for _, name := range []string{"mode", "owner", "uid", "group", "gid", "to", "backup", "validate"} {
		if value, ok := wanted[name]; ok {
			item[name] = value
		}
	}
	name := map[any]string{"file": "file.write", "directory": "dir.ensure", "symlink": "link.ensure"}[wanted["type"]]
	if body, ok := wanted["digest"]; ok {
		item["blob"] = body
	}
	if wanted["type"] == "absent" {
		delete(item, "expect")
		name = "file.remove"
		if stat, err := os.Lstat(path); err == nil && stat.IsDir() {
			name = "dir.remove"
			item["recursive"] = wanted["recursive"] == true
		}
	}
	results, err := h.Run(h.T.Context(), name, item)
	must(h.T.(*testing.T), err)
	return results[0]
}

// What is said to be in the way is what the write meets, and when it has gone nothing is said, and the write succeeds.
func TestWhatIsSaidToBeInTheWayIsWhatTheWriteMeets(t *testing.T) {
	harness.NeedRoot(t)
	type situation struct {
		wanted object
		begin  func(t *testing.T, path string)
		want   string // with the path as PATH and its directory as DIR
		mend   func(t *testing.T, path string)
	}
	content := func(h *harness.Harness) string { return h.Send("new\n") }
	ro := func(t *testing.T, path string) {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		mount(t, "-t", "tmpfs", "tmpfs", filepath.Dir(path))
	}
	for name, c := range map[string]situation{
		"no directory": {object{"type": "file"}, nil, "enoent path:DIR", func(t *testing.T, path string) { must(t, os.MkdirAll(filepath.Dir(path), 0o755)) }},
		"a file for a directory": {
			object{"type": "symlink", "to": "x"},
			func(t *testing.T, path string) { harness.Put(t, filepath.Dir(path), "") }, "not_directory path:DIR",
			func(t *testing.T, path string) {
				must(t, os.Remove(filepath.Dir(path)))
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			},
		},
		"an immutable directory around": {
			object{"type": "directory"},
			func(t *testing.T, path string) {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				chattr(t, "+i", filepath.Dir(path))
			}, "immutable path:DIR",
			func(t *testing.T, path string) { chattr(t, "-i", filepath.Dir(path)) },
		},
		"an append-only directory around what is to be replaced": {
			object{"type": "file"},
			func(t *testing.T, path string) {
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				harness.Put(t, path, "old\n")
				chattr(t, "+a", filepath.Dir(path))
			}, "immutable path:DIR",
			func(t *testing.T, path string) { chattr(t, "-a", filepath.Dir(path)) },
		},
		"a read-only file system": {
			object{"type": "file"},
			func(t *testing.T, path string) {
				ro(t, path)
				must(t, exec.Command("mount", "-o", "remount,ro", filepath.Dir(path)).Run())
			}, "read_only",
			func(t *testing.T, path string) {
				must(t, exec.Command("mount", "-o", "remount,rw", filepath.Dir(path)).Run())
			},
		},
		"a read-only file system with a file of another mode": {
			object{"type": "file", "mode": "0600", "as is": true},
			func(t *testing.T, path string) {
				ro(t, path)
				harness.Put(t, path, "old\n")
				must(t, exec.Command("mount", "-o", "remount,ro", filepath.Dir(path)).Run())
			}, "read_only",
			func(t *testing.T, path string) {
				must(t, exec.Command("mount", "-o", "remount,rw", filepath.Dir(path)).Run())
			},
		},
		"no such owner": {object{"type": "directory", "owner": "froyo-nobody", "group": "froyo-none"}, nil, "enoent path:DIR, unknown_owner user:froyo-nobody, unknown_owner group:froyo-none", nil},
		"no program to validate with": {
			object{"type": "file", "validate": []string{"PROGRAM", "%s"}},
			func(t *testing.T, path string) { must(t, os.MkdirAll(filepath.Dir(path), 0o755)) }, "command_not_found path:DIR/check",
			func(t *testing.T, path string) { must(t, os.Symlink("/bin/true", filepath.Dir(path)+"/check")) },
		},
		"a directory at the backup's name": {
			object{"type": "file", "backup": ".orig"},
			func(t *testing.T, path string) {
				must(t, os.MkdirAll(path+".orig", 0o755))
				harness.Put(t, path, "old\n")
			}, "is_directory path:PATH.orig",
			func(t *testing.T, path string) { must(t, os.Remove(path+".orig")) },
		},
		"a directory in the way, with something in it": {
			object{"type": "absent"},
			func(t *testing.T, path string) { must(t, os.MkdirAll(path+"/x", 0o755)) }, "not_empty path:PATH/",
			func(t *testing.T, path string) { must(t, os.Remove(path+"/x")) },
		},
		"something mounted below what is to go": {
			object{"type": "absent", "recursive": true},
			func(t *testing.T, path string) {
				must(t, os.MkdirAll(path+"/x/y", 0o755))
				mount(t, "-t", "tmpfs", "tmpfs", path+"/x/y")
			}, "mountpoint path:PATH/",
			func(t *testing.T, path string) { must(t, syscall.Unmount(path+"/x/y", 0)) },
		},
		"something immutable below what is to go": {
			object{"type": "absent", "recursive": true},
			func(t *testing.T, path string) {
				must(t, os.MkdirAll(path+"/x", 0o755))
				chattr(t, "+i", harness.Put(t, path+"/x/y", ""))
			}, "immutable path:PATH/",
			func(t *testing.T, path string) { chattr(t, "-i", path+"/x/y") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.New(t, family)
			path := filepath.Join(harness.Disk(t), "directory", "name")
			if c.begin != nil {
				c.begin(t, path)
			}
			if c.wanted["type"] == "file" && c.wanted["as is"] == nil {
				c.wanted["digest"] = content(h)
			}
			if argv, ok := c.wanted["validate"].([]string); ok {
				argv[0] = filepath.Dir(path) + "/check"
			}
			all, first := obstacles(h, path, c.wanted)
			want := strings.NewReplacer("PATH", path, "DIR", filepath.Dir(path)).Replace(c.want)
			if got := strings.Join(all, ", "); got != want {
				t.Fatalf("%s, not %s", got, want)
			}
			failure, _ := write(h, path, c.wanted)["error"].(object)
			if len(all) == 1 && failure["code"] != first["code"] || failure == nil {
				t.Fatalf("the write: %v, not %v", failure, first)
			}
			if c.mend == nil {
				return
			}
			c.mend(t, path)
			if all, _ := obstacles(h, path, c.wanted); all != nil {
				t.Fatal(all)
			}
			if result := write(h, path, c.wanted); result["ok"] == nil {
				t.Fatal(result)
			}
			if all, _ := obstacles(h, path, c.wanted); all != nil {
				t.Fatal(all)
			}
		})
	}
}

// The directories on the way that are not there are named one by one, as the paths that links on the way lead to.
func TestEachDirectoryThatIsNotThereIsNamed(t *testing.T) {
	h := harness.New(t, family)
	base := t.TempDir()
	must(t, os.Chmod(base, 0o755))
	must(t, os.Symlink("data/x", base+"/link"))
	all, _ := obstacles(h, base+"/link/a/file", object{"type": "file"})
	want := strings.ReplaceAll("enoent path:BASE/data, enoent path:BASE/data/x, enoent path:BASE/data/x/a", "BASE", base)
	if got := strings.Join(all, ", "); got != want {
		t.Fatalf("%s, not %s", got, want)
	}
	if all, _ := obstacles(h, base+"/link/a/file", object{"type": "absent"}); all != nil {
		t.Fatal(all)
	}
}

// In a directory of which nothing can be taken away, new files can be made.
func TestAnAppendOnlyDirectoryTakesNewFiles(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, family)
	directory := harness.Disk(t)
	chattr(t, "+a", directory)
	for _, wanted := range []object{{"type": "file", "digest": h.Send("x")}, {"type": "directory"}} {
		path := filepath.Join(directory, wanted["type"].(string))
		if all, _ := obstacles(h, path, wanted); all != nil {
			t.Error(all)
		}
		if result := write(h, path, wanted); result["ok"] == nil {
			t.Error(result)
		}
	}
	if all, _ := obstacles(h, directory+"/link", object{"type": "symlink", "to": "x"}); len(all) != 1 || all[0] != "immutable path:"+directory {
		t.Error(all)
	}
}

func TestWhoIsNotRootCannotGiveAway(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("as root everything can be given away")
	}
	h := harness.New(t, family)
	directory := t.TempDir()
	path := harness.Put(t, directory+"/file", "x")
	for name, wanted := range map[string]object{"uid": {"type": "file", "uid": 0}, "gid": {"type": "file", "gid": 54321}} {
		if all, _ := obstacles(h, path, wanted); len(all) != 1 || all[0] != "eperm" {
			t.Error(name, all)
		}
	}
	if all, _ := obstacles(h, "/etc/passwd", object{"type": "file", "digest": h.Send("x")}); len(all) == 0 || all[0] != "eacces path:/etc" {
		t.Error(all)
	}
	if all, _ := obstacles(h, "/etc/passwd", object{"type": "file", "mode": "0600"}); len(all) != 1 || all[0] != "eperm" {
		t.Error(all)
	}
}

// What is as it is wanted costs nothing more, and says nothing more.
func TestWhatIsAsWantedHasNoObstacles(t *testing.T) {
	h := harness.New(t, family)
	directory := t.TempDir()
	path := harness.Put(t, directory+"/file", "x")
	must(t, os.Chmod(path, 0o644))
	must(t, os.Symlink("x", directory+"/link"))
	user := h.OK("file.stat", object{"path": path})["owner"]
	for at, wanted := range map[string]object{
		"/file": {"type": "file", "digest": h.Send("x"), "mode": "0644", "owner": user, "validate": []string{"froyo-none", "%s"}},
		"/link": {"type": "symlink", "to": "x", "mode": "0600"},
		"/gone": {"type": "absent"},
		"":      {"type": "directory", "uid": os.Geteuid()},
	} {
		if all, _ := obstacles(h, directory+at, wanted); all != nil {
			t.Error(at, all)
		}
	}
}
