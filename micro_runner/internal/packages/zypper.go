package packages

import (
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// zypper is SUSE's, with rpm below it.
type zypper struct {
	places places
	asker  asker
	last   remembered[database]
}

const (
	automatics  = "/var/lib/zypp/AutoInstalled"
	zyppLocks   = "/etc/zypp/locks"
	zyppConf    = "/etc/zypp/zypp.conf"
	rpmInstalls = `%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\tuser\n`
)

func (z *zypper) name() string { return "zypper" }

func (z *zypper) order(one, other string) int { return CompareRpm(one, other) }

func (z *zypper) ready() error {
	return needs("zypper", "zypper")
}

func (z *zypper) interrupted() bool { return false }

func (z *zypper) holder() wire.Object {
	if holder := pidFile(z.places.root+"/run/zypp.pid", z.places.root+"/var/run/zypp.pid"); holder != nil {
		return holder
	}
	return z.places.rpmLocks()
}

func (z *zypper) installed() string {
	return z.places.identities(rpmFiles...) + z.places.identities(automatics, zyppLocks)
}

func (z *zypper) database() (*database, error) {
	return z.last.get(z.installed(), func() (*database, error) {
		outcome, err := z.asker.ask(context.Background(), z.installed(), question{argv: []string{"rpm", "-qa", "--queryformat", rpmInstalls}})
		if err != nil {
			return nil, without(err, "rpm", "rpm")
		}
		if outcome.Exit != 0 {
			return nil, fault.New(fault.IO, "rpm cannot tell what is installed (rpm --rebuilddb repairs a database): %s", tail(string(outcome.Stderr)))
		}
		known := parseRpm(string(outcome.Stdout), rpmArchitecture())
		notes, _ := os.ReadFile(z.places.root + automatics)
		for line := range strings.SplitSeq(string(notes), "\n") {
			for _, one := range known.packages[strings.TrimSpace(line)] {
				one.automatic = true
			}
		}
		known.lasting = true // there is no command by which it is no longer so
		locks, _ := os.ReadFile(z.places.root + zyppLocks)
		known.hold(zyppLocked(string(locks))...)
		return known, nil
	})
}

// zyppLocked are the names in zypper's list of locks: paragraphs of fields, of which one for all packages of a name has no other condition.
func zyppLocked(text string) (globs []string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		name, kind := "", "package"
		for line := range strings.SplitSeq(paragraph, "\n") {
			switch field, value, _ := strings.Cut(line, ":"); strings.TrimSpace(field) {
			case "solvable_name":
				name = strings.TrimSpace(value)
			case "type":
				kind = strings.TrimSpace(value)
			}
		}
		if name != "" && kind == "package" {
			globs = append(globs, name)
		}
	}
	return globs
}

// ask runs zypper with a lock, a log and a configuration of its own, in which nothing is on hold: that is seen to here.
func (z *zypper) ask(ctx context.Context, argv ...string) (execute.Outcome, error) {
	asked := question{
		argv: append([]string{"zypper", "--non-interactive", "--no-refresh", "--xmlout"}, argv...),
		scratch: func(directory string) (options, environment []string, err error) {
			conf, _ := os.ReadFile(z.places.root + zyppConf)
			path := directory + "/zypp.conf"
			if err := os.WriteFile(path, []byte(withoutLocks(string(conf))), 0o600); err != nil {
				return nil, nil, fault.From(err, path)
			}
			if err := z.caches(directory + "/solv"); err != nil {
				return nil, nil, err
			}
			return []string{"--solv-cache-dir", directory + "/solv"}, []string{"ZYPP_LOCKFILE_ROOT=" + directory, "ZYPP_LOGFILE=/dev/null", "ZYPP_CONF=" + path, "TMPDIR=" + directory}, nil
		},
	}
	seen := z.installed() + z.places.trees("/etc/zypp", "/var/cache/zypp/solv", "/var/cache/zypp/raw")
	outcome, err := z.asker.ask(ctx, seen, asked)
	return outcome, without(err, "zypper", "zypper")
}

// caches makes a directory with links to what zypper has made of its repositories and of rpm's database; the latter it renews when it begins.
func (z *zypper) caches(to string) error {
	const solv = "/var/cache/zypp/solv"
	if err := mirror(z.places.root+solv, to, nil); err != nil {
		return err
	}
	system := to + "/@System"
	if os.Remove(system) != nil {
		return nil // it was never made
	}
	return mirror(z.places.root+solv+"/@System", system, func(string) bool { return true })
}

var locksFile = regexp.MustCompile(`(?m)^\s*locksfile\.(path|apply)\s*=.*$`)

// withoutLocks is zypp.conf with no list of locks.
func withoutLocks(conf string) string {
	conf = locksFile.ReplaceAllString(conf, "")
	if !strings.Contains(conf, "[main]") {
		conf = "[main]\n" + conf
	}
	return strings.Replace(conf, "[main]", "[main]\nlocksfile.apply = no\nlocksfile.path = /dev/null", 1)
}

func (z *zypper) stale() bool {
	var fetched []string
	for _, pattern := range []string{"/var/cache/zypp/solv/*/cookie", "/var/cache/zypp/raw/*"} {
		found, _ := filepath.Glob(z.places.root + pattern)
		for _, path := range found {
			if !strings.Contains(path, "@System") {
				fetched = append(fetched, strings.TrimPrefix(path, z.places.root))
			}
		}
	}
	return z.places.outdated(fetched, "/etc/zypp/repos.d", "/etc/zypp/repos.d/*", zyppConf)
}

// zypperStream is what zypper says as XML.
type zypperStream struct {
	Messages []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"message"`
	Problems  []string         `xml:"prompt>description"`
	Found     []zypperSolvable `xml:"search-result>solvable-list>solvable"`
	Install   []zypperSolvable `xml:"install-summary>to-install>solvable"`
	Upgrade   []zypperSolvable `xml:"install-summary>to-upgrade>solvable"`
	Downgrade []zypperSolvable `xml:"install-summary>to-downgrade>solvable"`
	Reinstall []zypperSolvable `xml:"install-summary>to-reinstall>solvable"`
	Change    []zypperSolvable `xml:"install-summary>to-change-arch>solvable"`
	Remove    []zypperSolvable `xml:"install-summary>to-remove>solvable"`
}

type zypperSolvable struct {
	Type    string `xml:"type,attr"`
	Kind    string `xml:"kind,attr"`
	Name    string `xml:"name,attr"`
	Edition string `xml:"edition,attr"`
	Old     string `xml:"edition-old,attr"`
	Arch    string `xml:"arch,attr"`
	Status  string `xml:"status,attr"`
}

func (s zypperSolvable) isPackage() bool { return s.Type == "package" || s.Kind == "package" }

func parseZypper(outcome execute.Outcome) (said zypperStream, err error) {
	if err := xml.Unmarshal(outcome.Stdout, &said); err != nil {
		return said, fault.New(fault.IO, "zypper said what is not XML: %s", tail(string(outcome.Stdout)+string(outcome.Stderr)))
	}
	return said, nil
}

// nothingFound is what zypper ends with where it knows nothing of a name. Other numbers from 100 on tell of what was done, such as that a reboot is due.
const nothingFound = 104

func refused(outcome execute.Outcome) bool {
	return outcome.Exit != 0 && outcome.Exit < 100 || outcome.Exit == nothingFound
}

// why is what zypper has said is wrong.
func (s zypperStream) why(outcome execute.Outcome) string {
	said := s.Problems
	for _, one := range s.Messages {
		if one.Type == "error" {
			said = append(said, one.Text)
		}
	}
	for i, text := range said {
		said[i] = strings.TrimSpace(text)
	}
	return tail(strings.Join(append(said, string(outcome.Stderr)), "\n"))
}

func (z *zypper) offers(ctx context.Context, names []string) (map[string]available, error) {
	argv := []string{"search", "--details", "--match-exact", "--type", "package", "--"}
	for _, name := range names {
		name, _, _ = strings.Cut(name, ":")
		argv = append(argv, name)
	}
	outcome, err := z.ask(ctx, argv...)
	if err != nil {
		return nil, err
	}
	said, err := parseZypper(outcome)
	if err != nil {
		return nil, err
	}
	if refused(outcome) && !z.stale() && outcome.Exit != nothingFound {
		return nil, fault.New(fault.IO, "zypper search failed: %s", said.why(outcome))
	}
	var found []offer
	for _, one := range said.Found {
		if one.isPackage() {
			found = append(found, offer{one.Name, one.Edition, one.Arch})
		}
	}
	return offered(names, found, z.order), nil
}

func (z *zypper) simulate(ctx context.Context, wanted step) (outlook, error) {
	known, err := z.database()
	if err != nil {
		return outlook{}, err
	}
	options, operands := []string{"install", "--dry-run", "--oldpackage"}, []string{"--"}
	if wanted.recommends != nil {
		options = append(options, map[bool]string{true: "--recommends", false: "--no-recommends"}[*wanted.recommends])
	}
	for _, name := range wanted.install {
		operands = append(operands, zypperName(name))
	}
	for _, name := range append(wanted.remove, wanted.purge...) {
		operands = append(operands, "-"+zypperName(name))
	}
	outcome, err := z.ask(ctx, append(options, operands...)...)
	if err != nil {
		return outlook{}, err
	}
	would, err := zypperOutlook(known, outcome)
	if err != nil || would.refusal == "" {
		return would, err
	}
	// It stands in its own way: what it would remove if it had to, a person decides about. What it would leave out is no solution.
	forced, err := z.ask(ctx, append(append(options, "--force-resolution"), operands...)...)
	if err != nil {
		return outlook{}, err
	}
	if other, err := zypperOutlook(known, forced); err == nil && other.refusal == "" && other.does(wanted) {
		return other, nil
	}
	return would, nil
}

// does says whether all that is to be installed would be.
func (o outlook) does(wanted step) bool {
	coming := map[string]bool{}
	for _, one := range o.changes {
		if one.action != "remove" {
			coming[one.name] = true
		}
	}
	for _, text := range wanted.install {
		name, _, _ := strings.Cut(text, "=")
		name, _, _ = strings.Cut(name, ":")
		if !coming[name] {
			return false
		}
	}
	return true
}

// zypperName is NAME.ARCHITECTURE=VERSION.
func zypperName(text string) string {
	name, version, exact := strings.Cut(text, "=")
	if name = spelled(name, ""); exact {
		return name + "=" + version
	}
	return name
}

func zypperOutlook(known *database, outcome execute.Outcome) (outlook, error) {
	said, err := parseZypper(outcome)
	if err != nil {
		return outlook{}, err
	}
	if refused(outcome) {
		return outlook{refusal: said.why(outcome)}, nil
	}
	var changes []change
	for _, group := range [][]zypperSolvable{said.Install, said.Upgrade, said.Downgrade, said.Reinstall, said.Change} {
		for _, one := range group {
			if one.isPackage() {
				changes = append(changes, change{action: replaced(CompareRpm, one.Old, one.Edition), name: one.Name, from: one.Old, to: one.Edition})
			}
		}
	}
	for _, one := range said.Remove {
		if one.isPackage() {
			changes = append(changes, change{action: "remove", name: one.Name, from: one.Edition})
		}
	}
	return outlook{changes: changes, held: known.heldOf(changes)}, nil
}
