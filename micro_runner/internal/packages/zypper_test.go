package packages

import (
	"os"
	"slices"
	"strings"
	"testing"

	"froyo.dev/runner/internal/execute"
)

func zypperDatabase(t *testing.T) *database {
	t.Helper()
	known := parseRpm(string(outcome(t, "zypper/installed.txt").Stdout), "x86_64")
	known.hold(zyppLocked(recorded(t, "zypper/locks"))...)
	return known
}

func TestZyppersLocksHoldWhatIsInstalledAndWhatIsNot(t *testing.T) {
	known := zypperDatabase(t)
	if got := known.find("froyo-app"); got.version != "1.0-1" || got.want != "hold" {
		t.Errorf("%+v", got)
	}
	if got := known.find("froyo-tool"); got.version != "1:0.9-2" || got.want != "install" {
		t.Errorf("%+v", got)
	}
	if !known.onHold("froyo-extra") || known.onHold("froyo-main") {
		t.Error("what is not installed may be on hold, too")
	}
	if got := zyppLocked("type: patch\nsolvable_name: p\n\ntype: package\nsolvable_name: q\n"); !slices.Equal(got, []string{"q"}) {
		t.Error(got)
	}
}

func TestWhatZypperOffersIsTheNewestFirst(t *testing.T) {
	said, err := parseZypper(outcome(t, "zypper/search.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var found []offer
	for _, one := range said.Found {
		found = append(found, offer{one.Name, one.Edition, one.Arch})
	}
	got := offered([]string{"froyo-app", "froyo-tool", "nothing"}, found, CompareRpm)
	if got["froyo-app"].candidate != "2.0-1" || len(got["froyo-app"].versions) != 3 || got["froyo-tool"].candidate != "1:0.9-2" || len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if nothing := outcome(t, "zypper/search-nothing.txt"); nothing.Exit != nothingFound {
		t.Error(nothing.Exit)
	}
}

func TestWhatZypperWouldDoIsReadFromItsXml(t *testing.T) {
	known := zypperDatabase(t)
	const lacks = "Problem: nothing provides no-such-thing needed by froyo-wants-1.0-1.noarch\n Solution 1: do not install froyo-wants-1.0-1.noarch\n" +
		" Solution 2: break froyo-wants-1.0-1.noarch by ignoring some of its dependencies"
	for name, want := range map[string][]string{
		"would-install":              {"install froyo-extra 1.0-1", "install froyo-main 1.0-1", "held froyo-extra"},
		"would-install-without-weak": {"install froyo-main 1.0-1"},
		"would-upgrade":              {"upgrade froyo-app 1.0-1 2.0-1", "held froyo-app"},
		"would-downgrade":            {"downgrade froyo-app 2.0-1 1.5-1", "held froyo-app"},
		"would-erase":                {"install froyo-rival 1.0-1", "remove froyo-tool 1:0.9-2"},
		"would-swap":                 {"install froyo-rival 1.0-1", "remove froyo-tool 1:0.9-2"},
		"would-remove-too":           {"remove froyo-app 1.0-1", "remove libfroyo 2.0-1", "held froyo-app"},
		"would-do-nothing":           nil,
		"would-lack":                 {lacks},
		"would-leave-out":            {lacks},
		"would-not-know":             {"No provider of 'nothing' found."},
		"would-not-know-version":     {"No provider of 'froyo-app=3.0-1' found."},
	} {
		would, err := zypperOutlook(known, outcome(t, "zypper/"+name+".txt"))
		if err != nil {
			t.Error(name, err)
		}
		same(t, name, lines(would), want...)
	}
	if _, err := zypperOutlook(known, execute.Outcome{Stdout: []byte("Segmentation fault")}); err == nil {
		t.Error("that is no XML")
	}
}

func TestASolutionThatLeavesOutWhatIsWantedIsNone(t *testing.T) {
	would, err := zypperOutlook(zypperDatabase(t), outcome(t, "zypper/would-erase.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !would.does(step{install: []string{"froyo-rival=1.0-1"}}) || would.does(step{install: []string{"froyo-rival", "froyo-main:noarch=1.0-1"}}) {
		t.Errorf("%+v", would)
	}
}

func TestZypperIsAskedPastItsLocks(t *testing.T) {
	for conf, want := range map[string]string{
		"": "[main]\nlocksfile.apply = no\nlocksfile.path = /dev/null\n",
		"[main]\nlocksfile.path = /etc/zypp/locks\narch = s390\n": "[main]\nlocksfile.apply = no\nlocksfile.path = /dev/null\n\narch = s390\n",
	} {
		if got := withoutLocks(conf); got != want {
			t.Errorf("%q", got)
		}
	}
	for text, want := range map[string]string{"jq": "jq", "jq=1:1.6-2": "jq=1:1.6-2", "glibc:i586=2-1": "glibc.i586=2-1"} {
		if got := zypperName(text); got != want {
			t.Error(got, want)
		}
	}
}

func TestZypperHasItsOwnCopyOfWhatItRenews(t *testing.T) {
	where := places{t.TempDir()}
	put(t, where, "var/cache/zypp/solv/@System/cookie", "var/cache/zypp/solv/main/solv", "etc/zypp/repos.d/main.repo")
	z := &zypper{places: where}
	to := where.root + "/solv"
	if err := z.caches(to); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(to + "/@System/cookie"); err != nil || !info.Mode().IsRegular() {
		t.Error(info, err)
	}
	if target, err := os.Readlink(to + "/main"); err != nil || !strings.HasSuffix(target, "/var/cache/zypp/solv/main") {
		t.Error(target, err)
	}
	if !z.stale() {
		t.Error("nothing was fetched")
	}
	put(t, where, "var/cache/zypp/solv/main/cookie")
	if z.stale() {
		t.Error("it was fetched after that")
	}
}
