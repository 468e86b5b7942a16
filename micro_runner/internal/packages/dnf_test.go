package packages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

func dnfDatabase(t *testing.T) *database {
	t.Helper()
	known := parseRpm(string(outcome(t, "dnf/installed.txt").Stdout), "x86_64")
	known.hold(locked(recorded(t, "dnf/versionlock.list"))...)
	return known
}

func TestDnfHasOnRecordWhatIsInstalledAndWhyAndWhatIsOnHold(t *testing.T) {
	known := dnfDatabase(t)
	for name, want := range map[string]installed{
		"froyo-app":  {version: "1.0-1", want: "hold"},
		"froyo-tool": {version: "1:0.9-2", want: "install"},
		"libfroyo":   {version: "2.0-1", want: "install", automatic: true},
	} {
		got := known.find(name)
		if got == nil || got.version != want.version || got.want != want.want || got.automatic != want.automatic || !got.present() {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if known.find("nothing").present() {
		t.Error("there is something that is called nothing")
	}
}

func TestOfSeveralKernelsTheNewestCountsAndAKeyIsNoPackage(t *testing.T) {
	known := parseRpm("kernel\t5.14.0-70\tx86_64\tuser\nkernel\t5.14.0-162\tx86_64\tuser\nglibc\t2.34-1\ti686\tdependency\nglibc\t2.34-1\tx86_64\tweak-dependency\ngpg-pubkey\t1-1\t(none)\tuser\n", "x86_64")
	if got := known.find("kernel").version; got != "5.14.0-162" {
		t.Error(got)
	}
	if got := known.find("glibc"); got.arch != "x86_64" || !got.automatic {
		t.Errorf("%+v", got)
	}
	if known.find("glibc:i686").arch != "i686" || known.find("gpg-pubkey") != nil {
		t.Error("an architecture or a key")
	}
}

func TestWhatDnfOffersIsTheNewestFirst(t *testing.T) {
	var found []offer
	for line := range strings.SplitSeq(string(outcome(t, "dnf/offers.txt").Stdout), "\n") {
		if fields := strings.Split(line, "\t"); len(fields) == 3 {
			found = append(found, offer{fields[0], fields[1], fields[2]})
		}
	}
	got := offered([]string{"froyo-app", "froyo-tool", "nothing", "froyo-app:i686"}, found, CompareRpm)
	if app := got["froyo-app"]; app.candidate != "2.0-1" || !slices.Equal(app.versions, []string{"2.0-1", "1.5-1", "1.0-1"}) {
		t.Errorf("%+v", app)
	}
	if tool := got["froyo-tool"]; tool.candidate != "1:0.9-2" || len(got) != 2 {
		t.Errorf("%+v", got)
	}
	foreign := []offer{{"a", "1", "i686"}, {"a", "2", "s390x"}}
	if got := offered([]string{"a", "a:i686"}, foreign, CompareRpm); got["a"].candidate != "2" || got["a:i686"].candidate != "1" {
		t.Errorf("%+v", got)
	}
}

func TestWhatDnfWouldDoIsReadFromItsTable(t *testing.T) {
	known := dnfDatabase(t)
	for name, want := range map[string][]string{
		"would-install":              {"install froyo-main 1.0-1", "install froyo-extra 1.0-1"},
		"would-install-without-weak": {"install froyo-main 1.0-1"},
		"would-install-long":         {"install froyo-a-package-with-quite-a-long-name-that-wraps 1.0~beta2+git20260101-1.froyo"},
		"would-upgrade":              {"upgrade froyo-app 1.0-1 2.0-1", "held froyo-app"},
		"would-downgrade":            {"downgrade froyo-app 1.0-1 1.0-1", "held froyo-app"},
		"would-erase":                {"install froyo-rival 1.0-1", "remove froyo-tool 1:0.9-2"},
		"would-replace":              {"install froyo-heir 1.0-1", "remove froyo-old 1.0-1"},
		"would-remove":               {"remove libfroyo 2.0-1", "remove froyo-app 1.0-1", "held froyo-app"},
		"would-remove-nothing":       nil,
		"would-do-nothing":           nil,
		"would-lack":                 {"Problem: conflicting requests\n- nothing provides no-such-thing needed by froyo-wants-1.0-1.noarch"},
		"would-not-know":             {"Unable to find a match: nothing"},
		"would-not-know-version":     {"Unable to find a match: froyo-app-3.0-1"},
	} {
		same(t, name, lines(dnfOutlook(known, outcome(t, "dnf/"+name+".txt"))), want...)
	}
}

func TestARowOfDnfsTableMayGoOnInTheNextLine(t *testing.T) {
	known := dnfDatabase(t)
	text := "Installing:\n a-very-long-name\n          i686    1.0-1    local    6.1 k\n b  noarch 2-1 local 16  \nSkipping packages with conflicts:\n c noarch 1-1 local 5 k\n"
	same(t, "a table", lines(outlook{changes: parseTransaction(text, known)}), "install a-very-long-name:i686 1.0-1", "install b 2-1")
}

func TestRpmsToolsAreToldNamesInTheirWay(t *testing.T) {
	for text, want := range map[string]string{"jq": "jq", "jq=1:1.6-2": "jq-1:1.6-2", "glibc:i686": "glibc.i686", "glibc:i686=2.34-1": "glibc-2.34-1.i686"} {
		if got := spelled(text, "-"); got != want {
			t.Error(got, want)
		}
	}
}

func TestWhatDnfHasFetchedIsStaleWhereRepositoriesWereChangedLater(t *testing.T) {
	where := places{t.TempDir()}
	d := &dnf{places: where}
	put(t, where, "etc/yum.repos.d/local.repo")
	if !d.stale() {
		t.Error("nothing was fetched, and that is not stale")
	}
	put(t, where, "var/cache/dnf/local.solv")
	if d.stale() {
		t.Error("it is newer")
	}
}

func TestDnfHasADirectoryOfItsOwnWithLinksToWhatItHasFetched(t *testing.T) {
	where := places{t.TempDir()}
	put(t, where, "cache/local.solv", "cache/metadata_lock.pid", "cache/history.sqlite")
	to := filepath.Join(where.root, "mirror")
	databases := func(name string) bool { return strings.HasSuffix(name, ".sqlite") }
	if err := mirror(where.root+"/cache", to, databases); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(to)
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name()+" "+entry.Type().String())
	}
	same(t, "mirror", found, "history.sqlite ----------", "local.solv L---------")
	if err := mirror(where.root+"/nothing", to+"2", nil); err != nil {
		t.Error(err)
	}
	if mirror(where.root+"/cache", to, databases) == nil || mirror(where.root+"/cache/local.solv", to+"3", nil) == nil {
		t.Error("what cannot be made is no error")
	}
}

func TestWhoSaysInAFileThatHeIsAtWorkHoldsALockWhileHeIsThere(t *testing.T) {
	where := places{t.TempDir()}
	put(t, where, "pid")
	for content, holds := range map[string]bool{"": false, "none": false, "1\n": true, "4194304999": false} {
		if err := os.WriteFile(where.root+"/pid", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := pidFile(where.root+"/none", where.root+"/pid"); (got != nil) != holds {
			t.Errorf("%q: %v", content, got)
		}
	}
}

// put makes empty files.
func put(t *testing.T, where places, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(where.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDnf5IsNotTakenForDnf(t *testing.T) {
	for _, link := range []bool{true, false} {
		where := places{t.TempDir()}
		put(t, where, "usr/bin/dnf5")
		if link {
			if err := os.Symlink("dnf5", where.root+"/usr/bin/dnf"); err != nil {
				t.Fatal(err)
			}
		}
		h := at(t, where)
		for _, name := range []string{"pkg.query", "pkg.manager"} {
			if told := h.Fails(fault.NotSupported, name, harness.Object{"name": "jq"}); told != "what is called dnf here is dnf 5, which is not known yet" {
				t.Error(told)
			}
		}
	}
}
