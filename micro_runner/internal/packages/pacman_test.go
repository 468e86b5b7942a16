package packages

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/harness"
)

// arch is a root directory with what pacman had on record.
func arch(t *testing.T) places {
	t.Helper()
	where := places{t.TempDir()}
	if err := os.MkdirAll(where.root+"/var/lib/pacman", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(where.root+pacmanLocal, os.DirFS(filepath.Join(recordings, "pacman/local"))); err != nil {
		t.Fatal(err)
	}
	put(t, where, "etc/froyo-app.conf.pacnew")
	harness.Put(t, where.root+pacmanConf, recorded(t, "pacman/pacman.conf"))
	return where
}

func TestPacmanHasOnRecordWhatIsInstalled(t *testing.T) {
	h := at(t, arch(t))
	for name, want := range map[string]map[string]any{
		"froyo-app":   {"version": "1.0-1", "automatic": false, "hold": true, "manager": "pacman", "kept": []any{"/etc/froyo-app.conf"}},
		"libfroyo":    {"version": "2.0-1", "automatic": true, "hold": false, "arch": "any"},
		"froyo-tool":  {"version": "1:0.9-2", "hold": false},
		"froyo-extra": {"exists": false, "hold": true, "state": "not-installed"},
	} {
		got := h.OK("pkg.query", harness.Object{"name": name, "absent": true})
		for field, value := range want {
			if list, is := value.([]any); is {
				if have, _ := got[field].([]any); !slices.Equal(have, list) {
					t.Errorf("%s: %s is %v", name, field, got[field])
				}
			} else if got[field] != value {
				t.Errorf("%s: %s is %v, want %v", name, field, got[field], value)
			}
		}
	}
	var listed []string
	for _, one := range h.OK("pkg.list", harness.Object{})["packages"].([]any) {
		listed = append(listed, one.(map[string]any)["name"].(string))
	}
	same(t, "pkg.list", listed, "froyo-app", "froyo-tool")
}

func TestAMarkThatPacmanSetsIsSeen(t *testing.T) {
	where := arch(t)
	h := at(t, where)
	asked := harness.Object{"name": "libfroyo", "absent": true}
	if h.OK("pkg.query", asked)["automatic"] != true {
		t.Fatal("it is not automatic")
	}
	harness.Put(t, where.root+pacmanLocal+"/libfroyo-2.0-1/desc", "%NAME%\nlibfroyo\n\n%VERSION%\n2.0-1\n")
	if h.OK("pkg.query", asked)["automatic"] != false {
		t.Error("it still is")
	}
}

func TestWhatPacmanOffersIsWhatTheFirstRepositoryHas(t *testing.T) {
	got := pacmanOffers([]string{"froyo-app", "froyo-tool", "nothing"}, string(outcome(t, "pacman/list.txt").Stdout)+"other froyo-app 9-1\n")
	if got["froyo-app"].candidate != "2.0-1" || got["froyo-tool"].candidate != "1:0.9-2" || len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestWhatPacmanWouldDoIsReadFromItsList(t *testing.T) {
	known, err := (&pacman{places: arch(t)}).database()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"would-install":          {"install froyo-main 1.0-1", "install froyo-user 1.0-1"},
		"would-upgrade":          {"upgrade froyo-app 1.0-1 2.0-1", "held froyo-app"},
		"would-conflict":         {"unresolvable package conflicts detected\nfailed to prepare transaction (conflicting dependencies)\nfroyo-rival and froyo-tool are in conflict"},
		"would-erase":            {"remove froyo-tool 1:0.9-2", "install froyo-rival 1.0-1"},
		"would-lack":             {"failed to prepare transaction (could not satisfy dependencies)\nunable to satisfy dependency 'no-such-thing' required by froyo-wants"},
		"would-not-know":         {"target not found: nothing"},
		"would-not-know-version": {"target not found: froyo-app=3.0-1"},
	} {
		same(t, name, lines(pacmanOutlook(known, outcome(t, "pacman/"+name+".txt"), false)), want...)
	}
	for name, want := range map[string][]string{
		"would-remove":         {"failed to prepare transaction (could not satisfy dependencies)\nremoving libfroyo breaks dependency 'libfroyo>=1.0' required by froyo-app"},
		"would-remove-too":     {"remove froyo-app 1.0-1", "remove libfroyo 2.0-1", "held froyo-app"},
		"would-remove-nothing": {"target not found: nothing"},
	} {
		same(t, name, lines(pacmanOutlook(known, outcome(t, "pacman/"+name+".txt"), true)), want...)
	}
	same(t, "nothing to do", lines(pacmanOutlook(known, execute.Outcome{}, false)))
}

func TestPacmansLockIsHeldByWhoHasItOpenAndElseWasLeftBehind(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("who is not root cannot tell")
	}
	p := &pacman{places: arch(t)}
	if p.holder() != nil || p.interrupted() {
		t.Error("there is no lock")
	}
	put(t, p.places, "var/lib/pacman/db.lck")
	if p.holder() != nil || !p.interrupted() {
		t.Error("nobody has it open")
	}
	file, err := os.Open(p.places.root + pacmanLock)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if pid, _ := p.holder().Get("pid"); pid != int64(os.Getpid()) || p.interrupted() {
		t.Errorf("%v", p.holder())
	}
}

func TestANameOfPacmansIsTakenApart(t *testing.T) {
	for text, want := range map[string][2]string{"a-b-1:2.0-3": {"a-b", "1:2.0-3"}, "a": {"a", ""}, "froyo-tool-1:0.9-2": {"froyo-tool", "1:0.9-2"}} {
		if name, version := apart(text); name != want[0] || version != want[1] {
			t.Error(name, version)
		}
	}
}

func TestPacmansListsAreStaleWhereItsConfigurationIsNewer(t *testing.T) {
	p := &pacman{places: arch(t)}
	if !p.stale() {
		t.Error("there are none")
	}
	put(t, p.places, "var/lib/pacman/sync/extra.db")
	if p.stale() {
		t.Error("they are newer")
	}
}
