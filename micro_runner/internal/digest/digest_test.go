package digest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"froyo.dev/runner/internal/sys"
)

func TestSumsAreReadAndWritten(t *testing.T) {
	sum := Of([]byte("hello\n"))
	if sum.String() != "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" {
		t.Fatal(sum)
	}
	if again, ok := Parse(sum.String()); !ok || again != sum {
		t.Fatal(again)
	}
	for _, text := range []string{"", "sha256:", sum.String()[1:], sum.String() + "0", strings.Replace(sum.String(), "5", "x", 1), strings.Replace(sum.String(), "sha256", "sha512", 1)} {
		if _, ok := Parse(text); ok {
			t.Error(text)
		}
	}
	long := strings.Repeat("0123456789", 100_000)
	got, size, err := Read(t.Context(), iotest.HalfReader(strings.NewReader(long)))
	if got != Of([]byte(long)) || size != 1_000_000 || err != nil {
		t.Fatal(size, err)
	}
	broken := errors.New("broken")
	if _, _, err := Read(t.Context(), iotest.ErrReader(broken)); err != broken {
		t.Fatal(err)
	}
}

func TestMemoryTrustsWhatWasClearlyPast(t *testing.T) {
	changed := time.Unix(1_000_000, 500)
	at := func(d time.Duration) time.Time { return changed.Add(d) }
	stat := sys.Stat{Dev: 1, Ino: 2, Size: 3, Mtime: sys.Time{Sec: 5, Nsec: 6}, Ctime: sys.Time{Sec: 1_000_000, Nsec: 500}}
	coarse := stat
	coarse.Mtime.Nsec, coarse.Ctime.Nsec = 0, 0
	for name, c := range map[string]struct {
		stat sys.Stat
		read time.Time
		kept bool
	}{
		"long past":                     {stat, at(time.Hour), true},
		"past":                          {stat, at(21 * time.Millisecond), true},
		"within the grain of the clock": {stat, at(20 * time.Millisecond), false},
		"at the same instant":           {stat, at(0), false},
		"in the future":                 {stat, at(-time.Hour), false},
		"whole seconds, past":           {coarse, at(3 * time.Second), true},
		"whole seconds, not past":       {coarse, at(2 * time.Second), false},
	} {
		m := NewMemory()
		m.Put(&c.stat, Of(nil), c.read)
		if _, ok := m.Get(&c.stat); ok != c.kept {
			t.Errorf("%s: kept %v", name, ok)
		}
		m.Put(&c.stat, Of(nil), at(time.Hour))
		m.Put(&c.stat, Of(nil), at(0))
		if _, ok := m.Get(&c.stat); ok {
			t.Errorf("%s: what was remembered outlives a doubt", name)
		}
	}
}

func TestMemoryForgetsWhatMoved(t *testing.T) {
	m := NewMemory()
	stat := sys.Stat{Dev: 1, Ino: 2, Size: 3, Mtime: sys.Time{Sec: 5, Nsec: 6}, Ctime: sys.Time{Sec: 7, Nsec: 8}}
	m.Put(&stat, Of([]byte("x")), m.Now())
	if sum, ok := m.Get(&stat); !ok || sum != Of([]byte("x")) {
		t.Fatal("not remembered")
	}
	for name, change := range map[string]func(*sys.Stat){
		"device": func(s *sys.Stat) { s.Dev++ }, "inode": func(s *sys.Stat) { s.Ino++ }, "size": func(s *sys.Stat) { s.Size++ },
		"mtime": func(s *sys.Stat) { s.Mtime.Nsec++ }, "ctime": func(s *sys.Stat) { s.Ctime.Nsec++ },
	} {
		other := stat
		change(&other)
		if _, ok := m.Get(&other); ok {
			t.Errorf("the %s moved, and the digest is still trusted", name)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := NewMemory()
	for i := range maxRemembered + 100 {
		m.Put(&sys.Stat{Ino: uint64(i)}, Sum{}, m.Now())
	}
	if len(m.memos) != maxRemembered {
		t.Fatal(len(m.memos))
	}
}

func TestOnlyWhatTellsOfEveryChangeIsRemembered(t *testing.T) {
	for path, want := range map[string][2]bool{"/var/tmp": {true, true}, "/dev/shm": {true, false}, "/proc": {false, false}} {
		fd, err := sys.Openat(sys.AtFdCwd, path, syscall.O_RDONLY, 0)
		if err != nil {
			t.Skip(path, err)
		}
		if local, keeps := Local(fd); [2]bool{local, keeps} != want {
			t.Errorf("%s: %v, %v", path, local, keeps)
		}
		fd.Close()
	}
	if local, keeps := Local(sys.FD(-1)); local || keeps {
		t.Error("no file at all is local")
	}
}

func TestWhatIsForgottenIsNotKnown(t *testing.T) {
	m := NewMemory()
	m.Put(&sys.Stat{Ino: 7}, Sum{1}, m.Now())
	if _, ok := m.Get(&sys.Stat{Ino: 7}); !ok {
		t.Fatal("it was not remembered")
	}
	m.Forget()
	if _, ok := m.Get(&sys.Stat{Ino: 7}); ok {
		t.Fatal("it was not forgotten")
	}
}

func TestAShortFileIsReadAtOnceAndAnyOtherIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	sum := func(content string, size int64) (Sum, bool) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		return Short(sys.FD(file.Fd()), size)
	}
	for _, content := range []string{"", "short"} {
		if found, ok := sum(content, int64(len(content))); !ok || found != Of([]byte(content)) {
			t.Errorf("%q: %v %v", content, found, ok)
		}
	}
	for size, content := range map[int64]string{4: "longer", 9: "shorter", 0: "as below /proc"} {
		if _, ok := sum(content, size); ok {
			t.Errorf("%q was taken for %d bytes", content, size)
		}
	}
	long := strings.Repeat("x", 128<<10)
	if _, ok := sum(long, int64(len(long))); ok {
		t.Error("something may come after it")
	}
}
