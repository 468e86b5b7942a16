package systemd

import (
	"os"
	"path/filepath"
	"testing"

	"froyo.dev/runner/internal/digest"
)

// settled waits until the kernel's clock has left the times of what was just made behind.
func settled(t *testing.T, directories ...string) digest.Sum {
	t.Helper()
	for {
		if sum := surveyed(directories); sum != nil {
			return *sum
		}
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestEveryChangeThatSystemdWouldReadIsSeen(t *testing.T) {
	for _, place := range []string{t.TempDir(), shared(t)} {
		etc, lib, other := filepath.Join(place, "etc"), filepath.Join(place, "lib"), filepath.Join(place, "other.service")
		put(t, filepath.Join(lib, "a.service"), "[Install]\nWantedBy=x.target\n")
		put(t, filepath.Join(etc, "a.service.d", "more.conf"), "[Service]\n#\n")
		put(t, other, "[Install]\nWantedBy=x.target\n")
		link(t, other, filepath.Join(etc, "other.service"))
		link(t, "/dev/null", filepath.Join(etc, "masked.service"))
		link(t, "../nowhere.service", filepath.Join(etc, "broken.service"))
		link(t, filepath.Join(lib, "a.service"), filepath.Join(etc, "x.target.wants", "a.service"))
		all := []string{etc, lib, filepath.Join(place, "none")}
		before := settled(t, all...)
		if settled(t, all...) != before {
			t.Fatal("nothing has changed, and it looks otherwise")
		}
		for _, change := range []struct {
			name string
			do   func()
		}{
			{"a file has as much of something else", func() { put(t, filepath.Join(lib, "a.service"), "[Install]\nWantedBy=y.target\n") }},
			{"a drop-in", func() { put(t, filepath.Join(etc, "a.service.d", "more.conf"), "[Install]\n#\n") }},
			{"what a link leads to", func() { put(t, other, "[Install]\nWantedBy=y.target\n") }},
			{"a link is gone", func() { _ = os.Remove(filepath.Join(etc, "x.target.wants", "a.service")) }},
			{"a link has come", func() { link(t, "/dev/null", filepath.Join(etc, "a.service")) }},
			{"a directory has come", func() { put(t, filepath.Join(place, "none", "b.service"), "") }},
			{"a link to it, too", func() { link(t, filepath.Join(lib, "a.service"), filepath.Join(etc, "y.target.requires", "a.service")) }},
		} {
			change.do()
			after := settled(t, all...)
			if after == before {
				t.Fatalf("%s, and it looks the same", change.name)
			}
			before = after
		}
	}
}

// shared is a directory of a file system that does not tell by its times of what is written to a map of memory.
func shared(t *testing.T) string {
	t.Helper()
	place, err := os.MkdirTemp("/dev/shm", "units-")
	if err != nil {
		t.Skip("there is no /dev/shm")
	}
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	return place
}

func TestNothingIsConcludedFromWhatHasJustChanged(t *testing.T) {
	place := t.TempDir()
	settled(t, place)
	put(t, filepath.Join(place, "a.service"), "")
	if surveyed([]string{place}) != nil {
		t.Fatal("a further change might not show")
	}
}

func TestWhatWasSaidOfOtherFilesIsForgotten(t *testing.T) {
	var files fileStates
	one, other := digest.Of([]byte("one")), digest.Of([]byte("other"))
	files.put(nil, "a.service", "enabled")
	if _, known := files.get(nil, "a.service"); known {
		t.Fatal("it was not known what the files looked like")
	}
	files.put(&one, "a.service", "enabled")
	if state, known := files.get(&one, "a.service"); !known || state != "enabled" {
		t.Fatal(state)
	}
	if _, known := files.get(&other, "a.service"); known {
		t.Fatal("the files have changed")
	}
	files.put(&other, "b.service", "")
	if _, known := files.get(&one, "a.service"); known {
		t.Fatal("the files have changed twice")
	}
	if state, known := files.get(&other, "b.service"); !known || state != "" {
		t.Fatal(state)
	}
}
