package packages

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

const status = `Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22

Package: jq
Status: hold ok installed
Architecture: amd64
Version: 1.6-2.1
Conffiles:
 /etc/jq.conf 0baf6440734cc3cd6090e92e9b32c97b
 /etc/old.conf 0baf6440734cc3cd6090e92e9b32c97b obsolete
Description: a tool
 Version: 9

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.35

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36

Package: bash
Essential: yes
Status: install ok installed
Priority: required
Architecture: amd64
Version: 5.2

Package: less
Status: install ok installed
Priority: important
Architecture: amd64
Version: 590

Package: tree
Status: deinstall ok config-files
Architecture: amd64
Version: 2.1.0-1

Package: half
Status: install reinstreq half-configured
Architecture: all
Version: 1.0
`

const extended = `Package: libc6
Architecture: amd64
Auto-Installed: 1

Package: half
Architecture: amd64
Auto-Installed: 0
`

// system is a root directory with dpkg's database in it.
func system(t *testing.T) places {
	t.Helper()
	root := t.TempDir()
	for _, directory := range []string{"var/lib/dpkg/updates", "var/lib/apt/lists/partial", "etc/apt/sources.list.d", "var/cache/apt/archives"} {
		if err := os.MkdirAll(filepath.Join(root, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	harness.Put(t, root+"/var/lib/dpkg/status", status)
	harness.Put(t, root+"/var/lib/apt/extended_states", extended)
	return places{root}
}

func at(t *testing.T, where places) *harness.Harness {
	return harness.New(t, func(*command.Host) []command.Command { return of(where) })
}

func TestWhatIsInstalledIsReadFromTheDatabase(t *testing.T) {
	where := system(t)
	harness.Put(t, where.root+"/etc/jq.conf.dpkg-dist", "new")
	h := at(t, where)
	for _, c := range []struct {
		item harness.Object
		want harness.Object
	}{
		{harness.Object{"name": "jq", "version": ">=1.6,<2"}, harness.Object{
			"manager": "apt", "exists": true, "fits": true, "state": "installed", "hold": true, "version": "1.6-2.1", "arch": "amd64", "automatic": false,
			"kept": []any{"/etc/jq.conf"},
		}},
		{harness.Object{"name": "jq", "version": "2", "absent": true}, harness.Object{
			"manager": "apt", "exists": true, "fits": false, "state": "installed", "hold": true, "version": "1.6-2.1", "arch": "amd64", "automatic": false,
			"kept": []any{"/etc/jq.conf"},
		}},
		{harness.Object{"name": "libc6"}, harness.Object{
			"manager": "apt", "exists": true, "fits": true, "state": "installed", "hold": false, "version": "2.36", "arch": "amd64", "automatic": true,
		}},
		{harness.Object{"name": "libc6:i386"}, harness.Object{
			"manager": "apt", "exists": true, "fits": true, "state": "installed", "hold": false, "version": "2.35", "arch": "i386", "automatic": false,
		}},
		{harness.Object{"name": "half:amd64"}, harness.Object{
			"manager": "apt", "exists": true, "fits": true, "state": "half-configured", "hold": false, "broken": true, "version": "1.0", "arch": "all", "automatic": false,
		}},
		{harness.Object{"name": "tree", "absent": true}, harness.Object{"manager": "apt", "exists": false, "fits": false, "state": "config-files", "hold": false}},
		{harness.Object{"name": "nothing", "absent": true}, harness.Object{"manager": "apt", "exists": false, "fits": false, "state": "not-installed", "hold": false}},
	} {
		if got := h.OK("pkg.query", c.item); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v, want %v", c.item, got, c.want)
		}
	}
	h.Fails(fault.BadRequest, "pkg.query", harness.Object{"name": "../etc"})
	h.Fails(fault.BadRequest, "pkg.query", harness.Object{"name": "jq", "version": "1 || 2"})
}

func TestADatabaseThatChangesIsReadAgain(t *testing.T) {
	where := system(t)
	h := at(t, where)
	gone := harness.Object{"name": "jq", "absent": true}
	if h.OK("pkg.query", gone)["exists"] != true {
		t.Fatal("it is not there")
	}
	harness.Put(t, where.root+"/var/lib/dpkg/status-new", strings.Replace(status, "hold ok installed", "deinstall ok config-files", 1))
	if err := os.Rename(where.root+"/var/lib/dpkg/status-new", where.root+"/var/lib/dpkg/status"); err != nil {
		t.Fatal(err)
	}
	if h.OK("pkg.query", gone)["exists"] != false {
		t.Fatal("it is still there")
	}
}

func TestAHostWithoutDpkgSaysSo(t *testing.T) {
	h := at(t, places{t.TempDir()})
	h.Fails(fault.NotSupported, "pkg.query", harness.Object{"name": "jq"})
	h.Fails(fault.NotSupported, "pkg.manager", harness.Object{})
}

const policy = `jq:
  Installed: 1.6-2.1
  Candidate: 1.7
  Version table:
     1.7 500
        500 file:/srv/apt ./ Packages
 *** 1.6-2.1 100
        100 /var/lib/dpkg/status
     1.5 -1
         -1 file:/srv/apt ./ Packages
tree:
  Installed: (none)
  Candidate: (none)
  Version table:
`

func TestWhatAptOffersIsChosenFromByItsCandidateFirst(t *testing.T) {
	offered := parsePolicy(policy)
	if got := offered["jq"]; got.candidate != "1.7" || !slices.Equal(got.versions, []string{"1.7", "1.6-2.1"}) {
		t.Fatalf("%+v", got)
	}
	for text, want := range map[string]string{"": "1.7", "<1.7": "1.6-2.1", "1.5": "", ">=1.6": "1.7"} {
		wanted, err := ParseRange(text, Compare)
		if err != nil {
			t.Fatal(err)
		}
		if got := offered["jq"].choice(wanted, Compare); got != want {
			t.Errorf("%q of %q, want %q", got, text, want)
		}
	}
	if got := offered["tree"]; got.candidate != "" || got.versions != nil {
		t.Errorf("%+v", got)
	}
	// What is pinned is the candidate, although there is a newer one.
	pinned := available{candidate: "1.6", versions: []string{"1.7", "1.6"}}
	if got := pinned.choice(Range{}, Compare); got != "1.6" {
		t.Error(got)
	}
}

const simulation = `Reading package lists...
The following packages will be REMOVED:
  old
The following held packages will be changed:
  lab-app jq
2 upgraded, 1 newly installed, 1 to remove and 1 not upgraded.
Remv old [1.0]
Inst lab-app [2.0] (1.0 localhost [all])
Inst libjq1 (1.6-2.1+deb12u3 localhost [amd64]) [jq:amd64 ]
Inst jq [1.5] (1.6-2.1+deb12u3 Debian:12.1/stable, localhost [amd64])
Inst same [1.5] (1.5 localhost [amd64])
Purg gone [1.0]
Conf jq (1.6-2.1+deb12u3 localhost [amd64])
`

func TestASimulationSaysWhatWouldBeInstalledChangedAndRemoved(t *testing.T) {
	var got []string
	for _, one := range changes(simulation) {
		got = append(got, strings.Join([]string{one.action, one.name, one.from, one.to}, " "))
	}
	want := []string{
		"remove old 1.0 ", "downgrade lab-app 2.0 1.0", "install libjq1  1.6-2.1+deb12u3", "upgrade jq 1.5 1.6-2.1+deb12u3",
		"reinstall same 1.5 1.5", "purge gone 1.0 ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if held := section(simulation, heldPackages); !slices.Equal(held, []string{"lab-app", "jq"}) {
		t.Errorf("%q", held)
	}
}

func TestWhyAptWouldNotIsInItsOwnWords(t *testing.T) {
	outcome := execute.Outcome{
		Stdout: []byte("Some packages could not be installed.\n\nThe following packages have unmet dependencies:\n a : Depends: b but it is not installable\n"),
		Stderr: []byte("W: something\nE: Unable to correct problems, you have held broken packages.\n"),
	}
	want := "a : Depends: b but it is not installable\nUnable to correct problems, you have held broken packages."
	if got := refusal(outcome); got != want {
		t.Errorf("%q", got)
	}
	if got := refusal(execute.Outcome{Stderr: []byte("killed\n")}); got != "killed" {
		t.Errorf("%q", got)
	}
	if got := tail(strings.Repeat("ä", 4000)); len(got) > 2100 || !strings.HasPrefix(got, "…ä") {
		t.Errorf("%d", len(got))
	}
}

func TestWhatIsAskedOfASimulationIsAListOfPackages(t *testing.T) {
	h := at(t, system(t))
	for _, item := range []harness.Object{
		{}, {"install": []string{"-o"}}, {"install": []string{"jq; rm"}}, {"install": []string{"jq"}, "purge": []string{"tree"}}, {"remove": []string{"../x"}},
		{"install": []string{"/srv/../x.deb"}}, {"install": []string{"/srv/x"}}, {"remove": []string{"/srv/x.deb"}},
	} {
		h.Fails(fault.BadRequest, "pkg.simulate", item)
	}
}

func TestTheListsAreStaleWhereTheSourcesAreNewer(t *testing.T) {
	where := system(t)
	a := &apt{library: library{places: where}}
	if !a.stale() {
		t.Error("there are no lists, and they are not stale")
	}
	harness.Put(t, where.root+"/etc/apt/sources.list", "deb file:/srv/apt ./\n")
	harness.Put(t, where.root+"/var/lib/apt/lists/_srv_apt_._Packages", "")
	hour := time.Now().Add(-time.Hour)
	for i, path := range []string{"etc/apt/sources.list", "etc/apt/sources.list.d", "var/lib/apt/lists", "var/lib/apt/lists/partial"} {
		if err := os.Chtimes(filepath.Join(where.root, path), hour, hour.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if a.stale() {
		t.Error("they are newer than the sources")
	}
	before := a.fingerprint()
	harness.Put(t, where.root+"/etc/apt/sources.list.d/more.sources", "Types: deb\n")
	if !a.stale() || a.fingerprint() == before {
		t.Error("another source is not seen")
	}
}

func TestWhoIsAtWorkIsNamed(t *testing.T) {
	where := system(t)
	m := &apt{library: library{places: where}}
	if m.interrupted() || m.holder() != nil {
		t.Fatal("nobody is at work")
	}
	harness.Put(t, where.root+"/var/lib/dpkg/updates/tmp.i", "")
	if m.interrupted() {
		t.Error("a draft is no journal")
	}
	harness.Put(t, where.root+"/var/lib/dpkg/updates/0001", "")
	if !m.interrupted() {
		t.Error("the journal is not seen")
	}
	harness.Put(t, where.root+"/var/lib/dpkg/lock", "")
	holder := hold(t, where.root+"/var/lib/dpkg/lock")
	found := m.holder()
	command, _ := found.Get("command")
	pid, _ := found.Get("pid")
	if command != filepath.Base(holder.Path)[:min(15, len(filepath.Base(holder.Path)))] || pid != int64(holder.Process.Pid) {
		t.Errorf("%v", found)
	}
	_ = holder.Process.Signal(syscall.SIGKILL)
	_ = holder.Wait()
	if m.holder() != nil {
		t.Error("it is gone")
	}
}

func TestWhatSomebodyAskedForIsListed(t *testing.T) {
	want := []any{
		map[string]any{"name": "dpkg", "version": "1.21.22", "hold": false},
		map[string]any{"name": "jq", "version": "1.6-2.1", "hold": true},
		map[string]any{"name": "libc6:i386", "version": "2.35", "hold": false},
	}
	if got := at(t, system(t)).OK("pkg.list", harness.Object{})["packages"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	at(t, places{t.TempDir()}).Fails(fault.NotSupported, "pkg.list", harness.Object{})
}
