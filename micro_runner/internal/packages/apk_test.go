package packages

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/harness"
)

// alpine is a root directory with what apk of some version had on record.
func alpine(t *testing.T, version, database string) places {
	t.Helper()
	where := places{t.TempDir()}
	put(t, where, "lib/apk/db/lock", "etc/froyo-app.conf.apk-new", "etc/apk/repositories")
	harness.Put(t, where.root+"/lib/apk/db/installed", recorded(t, version+"/"+database))
	harness.Put(t, where.root+apkWorld, recorded(t, version+"/world"))
	return where
}

func TestApkHasOnRecordWhatIsInstalledAndWhatItIsHeldAt(t *testing.T) {
	for _, version := range []string{"apk2", "apk3"} {
		h := at(t, alpine(t, version, "installed"))
		for name, want := range map[string]map[string]any{
			"froyo-app":  {"version": "1.0-r0", "automatic": false, "hold": true, "manager": "apk", "state": "installed"},
			"libfroyo":   {"version": "2.0-r0", "automatic": true, "hold": false},
			"froyo-tool": {"version": "0.9_rc1-r2", "automatic": false, "hold": false, "fits": true},
			"nothing":    {"exists": false, "hold": false},
		} {
			got := h.OK("pkg.query", harness.Object{"name": name, "absent": true})
			for field, value := range want {
				if got[field] != value {
					t.Errorf("%s: %s: %s is %v, want %v", version, name, field, got[field], value)
				}
			}
		}
		if got := h.OK("pkg.query", harness.Object{"name": "froyo-app"})["kept"]; !slices.Equal(got.([]any), []any{"/etc/froyo-app.conf"}) {
			t.Error(got)
		}
	}
}

func TestWhatApkCouldNotSetUpIsNotInstalled(t *testing.T) {
	for _, version := range []string{"apk2", "apk3"} {
		got := at(t, alpine(t, version, "installed-broken")).OK("pkg.query", harness.Object{"name": "froyo-fails"})
		if got["state"] != "half-configured" || got["broken"] != true || got["exists"] != true {
			t.Errorf("%v", got)
		}
	}
}

func TestWhatSomebodyAsksApkForIsOnHoldAtAVersionOnly(t *testing.T) {
	known := parseApk("P:a\nV:1-r0\n\nP:b\nV:1-r0\n\nP:c\nV:1-r0\n\nP:d\nV:1-r0\n", "a=1-r0 b>=1 c@edge !d\n")
	for name, want := range map[string][2]bool{"a": {true, false}, "b": {false, false}, "c": {false, false}, "d": {false, true}} {
		if one := known.find(name); (one.want == "hold") != want[0] || one.automatic != want[1] {
			t.Errorf("%s: %+v", name, one)
		}
	}
}

func TestWhatApkOffersIsTheNewestFirst(t *testing.T) {
	for _, version := range []string{"apk2", "apk3"} {
		got := apkOffers(string(outcome(t, version+"/offers.txt").Stdout))
		if app := got["froyo-app"]; app.candidate != "2.0-r0" || !slices.Equal(app.versions, []string{"2.0-r0", "1.5-r0", "1.0-r0"}) {
			t.Errorf("%s: %+v", version, got)
		}
		if got["froyo-tool"].candidate != "0.9_rc1-r2" || len(got) != 2 {
			t.Errorf("%s: %+v", version, got)
		}
	}
	tagged := "a policy:\n  1-r0:\n    lib/apk/db/installed\n  2-r0:\n    http://x/main\n  3-r0:\n    @edge http://x/edge\n"
	if got := apkOffers(tagged)["a"]; !slices.Equal(got.versions, []string{"2-r0"}) {
		t.Errorf("%+v", got)
	}
}

func TestWhatApkWouldDoIsReadFromItsSteps(t *testing.T) {
	for _, version := range []string{"apk2", "apk3"} {
		known := parseApk(recorded(t, version+"/installed"), recorded(t, version+"/world"))
		for name, want := range map[string][]string{
			"would-install":          {"install froyo-main 1.0-r0", "install froyo-extra 1.0-r0", "install froyo-user 1.0-r0"},
			"would-upgrade":          {"upgrade froyo-app 1.0-r0 2.0-r0", "held froyo-app"},
			"downgrade":              {"downgrade froyo-app 2.0-r0 1.5-r0", "held froyo-app"},
			"would-swap":             {"remove froyo-tool 0.9_rc1-r2", "install froyo-rival 1.0-r0"},
			"would-remove":           {"remove froyo-app 1.0-r0", "remove libfroyo 2.0-r0", "held froyo-app"},
			"would-do-nothing":       nil,
			"would-lack":             {"unable to select packages:\n  no-such-thing (no such package):\n    required by: froyo-wants-1.0-r0[no-such-thing]"},
			"would-not-know":         {"unable to select packages:\n  nothing (no such package):\n    required by: world[nothing]"},
			"would-not-know-version": {"unable to select packages:\n  froyo-app-1.0-r0:\n    breaks: world[froyo-app=3.0-r0]"},
		} {
			would := apkOutlook(known, outcome(t, version+"/"+name+".txt"))
			same(t, version+"/"+name, lines(would), want...)
			for _, one := range would.changes {
				if unneeded := one.name == "libfroyo"; one.unneeded != unneeded {
					t.Errorf("%s: %+v", name, one)
				}
			}
		}
		for _, name := range []string{"would-conflict", "would-break"} {
			if got := apkOutlook(known, outcome(t, version+"/"+name+".txt")); got.refusal == "" || got.changes != nil {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

func TestApksListsAreStaleOnlyWhereTheyAreFetchedFromElsewhere(t *testing.T) {
	a := &apk{places: alpine(t, "apk2", "installed")}
	harness.Put(t, a.places.root+apkRepositories, "/srv/repo\n#https://example.org/edge\n")
	if a.stale() {
		t.Error("what is here is read as it is")
	}
	harness.Put(t, a.places.root+apkRepositories, "https://example.org/main\n")
	if !a.stale() {
		t.Error("nothing was fetched")
	}
	put(t, a.places, "var/cache/apk/APKINDEX.1.tar.gz")
	if a.stale() {
		t.Error("it is newer")
	}
}

func TestWhoHasLockedApksDatabaseIsNamed(t *testing.T) {
	a := &apk{places: alpine(t, "apk2", "installed")}
	if a.holder() != nil {
		t.Error("nobody has")
	}
	file, err := os.Open(a.places.root + "/lib/apk/db/lock")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if pid, _ := a.holder().Get("pid"); pid != int64(os.Getpid()) {
		t.Errorf("%v", a.holder())
	}
}
