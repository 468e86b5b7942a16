package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/own"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/wire"
)

// picky is a backend that takes directories up to a limit.
type picky struct {
	called  string
	refuse  error
	room    int
	marked  map[key]uint32
	retired []key
}

func (p *picky) name() string          { return p.called }
func (p *picky) descriptor() int       { return -1 }
func (p *picky) itself(dir sys.FD) key { return "" }
func (p *picky) close()                {}

func (p *picky) read() ([]occurrence, error) { return nil, nil }

func (p *picky) unmark(dir key, _ string) {
	delete(p.marked, dir)
	p.retired = append(p.retired, dir)
}

func (p *picky) mark(dir sys.FD, what uint32) (key, error) {
	stat, err := sys.Fstat(dir)
	if err != nil {
		return "", err
	}
	k := key(fmt.Sprint(p.called, stat.Dev, " ", stat.Ino))
	if _, known := p.marked[k]; !known && len(p.marked) >= p.room {
		return "", p.refuse
	}
	p.marked[k] |= what
	return k, nil
}

func newPicky(called string, room int, refuse error) *picky {
	return &picky{called: called, room: room, refuse: refuse, marked: map[key]uint32{}}
}

func targets(t *testing.T, paths ...string) (all []*target) {
	t.Helper()
	for _, path := range paths {
		one, err := parseTarget(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func TestWhatOneBackendRefusesAnotherMayTake(t *testing.T) {
	base := t.TempDir()
	depth := strings.Count(base, "/") + 1 // directories from the root to base
	first, second := newPicky("fanotify", 2, syscall.EXDEV), newPicky("inotify", depth-2, syscall.ENOSPC)
	tr := newTracker([]backend{first, second}, hang.NewPlaces())
	tr.replace(targets(t, base+"/a"))
	if text := summary(tr.second); !strings.Contains(text, "fanotify: the file system does not support it") ||
		!strings.Contains(text, fmt.Sprintf("(and %d more)", depth-3)) || summary(tr.refused) != "" {
		t.Error(text, tr.refused)
	}
	if err := os.Mkdir(base+"/b", 0o755); err != nil {
		t.Fatal(err)
	}
	tr.replace(targets(t, base+"/a", base+"/b/x"))
	if text := tr.refused[base+"/b"]; !strings.Contains(text, "max_user_watches") {
		t.Error(text)
	}
	for _, target := range tr.targets {
		if !strings.HasPrefix(target.path, base+"/b") && !target.steps[len(target.steps)-1].last {
			t.Error("what can be watched is not")
		}
	}
	tr.replace(nil)
	if len(tr.marks)+len(tr.steps)+len(tr.inner)+len(tr.refused)+len(tr.second)+len(first.marked)+len(second.marked) != 0 {
		t.Errorf("something is kept: %v %v %v %v", tr.marks, tr.steps, first.marked, second.marked)
	}
}

func TestADirectoryIsMarkedForNoMoreThanIsNeeded(t *testing.T) {
	base := t.TempDir()
	b := newPicky("fanotify", 1000, nil)
	tr := newTracker([]backend{b}, hang.NewPlaces())
	tr.replace(targets(t, base+"/file", base+"/other", filepath.Dir(base)+"/"))
	full := 0
	for _, what := range b.marked {
		switch what {
		case everything:
			full++
		case structural:
		default:
			t.Errorf("%x", what)
		}
	}
	if full != 3 { // base, the directory above it, and the one that holds that
		t.Error(full)
	}
	tr.replace(targets(t, base+"/file"))
	if len(b.retired) != 0 {
		t.Error("what is still needed was given up")
	}
}

func TestADirectoryThatIsGoneIsLookedForAgain(t *testing.T) {
	base := t.TempDir()
	tr := newTracker([]backend{newPicky("inotify", 1000, nil)}, hang.NewPlaces())
	one := targets(t, base+"/file")
	tr.replace(one)
	last := one[0].steps[len(one[0].steps)-1]
	var moved []*target
	tr.touched(&occurrence{dir: last.dir, gone: true}, func(*target, string) { t.Error("hit") }, func(t *target) { moved = append(moved, t) })
	if len(moved) != 1 || !tr.marks[last.dir].gone {
		t.Fatal(moved)
	}
	tr.rearm(map[*target]bool{one[0]: true})
	if tr.marks[last.dir] == nil || tr.marks[last.dir].gone {
		t.Fatal("it is not watched again")
	}
	tr.touched(&occurrence{dir: "of nobody", gone: true}, nil, nil)
}

func TestWithoutAnyBackendNothingIsWatchedAndThatIsSaid(t *testing.T) {
	tr := newTracker(nil, hang.NewPlaces())
	tr.replace(targets(t, t.TempDir()+"/file"))
	if text := summary(tr.refused); !strings.Contains(text, "neither fanotify nor inotify") {
		t.Error(text)
	}
}

// telling is a backend that has something to tell.
type telling struct {
	*picky
	told []occurrence
}

func (b *telling) read() ([]occurrence, error) {
	told := b.told
	b.told = nil
	return told, nil
}

func TestWhatOnlyHasTheNameOfATemporaryFileIsTold(t *testing.T) {
	base := t.TempDir()
	b := &telling{picky: newPicky("inotify", 1000, nil)}
	workshop := temp.NewWorkshop()
	l := &loop{
		tracker: newTracker([]backend{b}, hang.NewPlaces()), temps: workshop, own: own.NewWrites(), names: owner.NewNames(),
		pending: map[*target]*change{}, who: map[int]evidence.Evidence{}, emit: func(string, wire.Object) {},
		alert: &alertness{request: func(int32) bool { return false }},
	}
	one := targets(t, base+"/")
	l.tracker.replace(one)
	dir, err := sys.Openat(sys.AtFdCwd, base, sys.OPath|syscall.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	draft, err := workshop.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Close()
	own, err := draft.Name("")
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{".froyo-deadbeef-a-b-c.d", "#12"} {
		if err := os.Mkdir(base+"/"+made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, told := range map[string]bool{own: false, "#11": false, "#12": true, ".froyo-deadbeef-a-b-c.d": true, "other": true} {
		b.told = []occurrence{{dir: one[0].inner, name: name, what: created}}
		clear(l.pending)
		l.hear()
		if (len(l.pending) == 1) != told {
			t.Errorf("%s: want %v", name, told)
		}
	}
}
