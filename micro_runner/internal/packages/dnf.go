package packages

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// dnf is the one of Fedora up to 40, and of Red Hat Enterprise Linux and its relatives: dnf 4, with rpm below it.
type dnf struct {
	places places
	asker  asker
	last   remembered[database]
}

// unreadable is what rpm says of a database that it cannot read.
const unreadable = "cannot open Packages"

var versionlocks = []string{"/etc/dnf/plugins/versionlock.list", "/etc/yum/pluginconf.d/versionlock.list"}

func (d *dnf) name() string { return "dnf" }

func (d *dnf) order(one, other string) int { return CompareRpm(one, other) }

func (d *dnf) ready() error {
	program, _ := filepath.EvalSymlinks(d.places.root + "/usr/bin/dnf")
	if program == "" && d.places.there("/usr/bin/dnf5") || strings.HasSuffix(program, "/dnf5") {
		return fault.New(fault.NotSupported, "what is called dnf here is dnf 5, which is not known yet")
	}
	return needs("dnf", "dnf")
}

func (d *dnf) interrupted() bool { return false }

func (d *dnf) holder() wire.Object {
	if holder := pidFile(d.places.root+"/var/lib/dnf/rpmdb_lock.pid", d.places.root+"/var/cache/dnf/metadata_lock.pid"); holder != nil {
		return holder
	}
	return d.places.rpmLocks()
}

// installed is what rpm's database goes by, and dnf's notes about why something is there.
func (d *dnf) installed() string {
	return d.places.identities(rpmFiles...) + d.places.identities("/var/lib/dnf/history.sqlite", "/var/lib/dnf/history.sqlite-wal") + d.places.identities(versionlocks...)
}

func (d *dnf) database() (*database, error) {
	return d.last.get(d.installed(), func() (*database, error) {
		if err := d.ready(); err != nil {
			return nil, err
		}
		outcome, err := d.ask(context.Background(), "-q", "--disablerepo=*", "repoquery", "--installed", "--qf", `%{name}\t%{evr}\t%{arch}\t%{reason}`)
		if err != nil {
			return nil, err
		}
		// With a database that cannot be read dnf says so, and goes on as if nothing were installed.
		if outcome.Exit != 0 || strings.Contains(string(outcome.Stderr), unreadable) {
			return nil, fault.New(fault.IO, "dnf cannot tell what is installed (rpm --rebuilddb repairs a database): %s", tail(string(outcome.Stderr)))
		}
		known := parseRpm(string(outcome.Stdout), rpmArchitecture())
		for _, path := range versionlocks {
			if text, err := os.ReadFile(d.places.root + path); err == nil {
				known.hold(locked(string(text))...)
			}
		}
		return known, nil
	})
}

// locked are the names in the list of the versionlock plugin: NAME-EPOCH:VERSION-RELEASE.ARCHITECTURE. What begins with ! excludes, and holds nothing.
func locked(text string) (globs []string) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for range 2 {
			if i := strings.LastIndexByte(line, '-'); i > 0 {
				line = line[:i]
			}
		}
		globs = append(globs, line)
	}
	return globs
}

// ask runs dnf by what it has fetched before, with caches, logs and locks of its own, and past the versionlock plugin: what is on hold is seen to here.
func (d *dnf) ask(ctx context.Context, argv ...string) (execute.Outcome, error) {
	asked := question{argv: append([]string{"dnf"}, argv...), scratch: func(directory string) (options, environment []string, err error) {
		database := func(name string) bool { return strings.Contains(name, ".sqlite") }
		for from, to := range map[string]string{"/var/cache/dnf": directory + "/cache", "/var/lib/dnf": directory + "/state"} {
			if err := mirror(d.places.root+from, to, database); err != nil {
				return nil, nil, err
			}
		}
		return []string{
			"-C", "--setopt=cachedir=" + directory + "/cache", "--setopt=persistdir=" + directory + "/state", "--setopt=logdir=" + directory, "--disableplugin=versionlock",
		}, nil, nil
	}}
	seen := d.installed() + d.places.trees("/etc/dnf", "/etc/yum.repos.d", "/etc/yum") + d.places.identities(d.caches()...)
	outcome, err := d.asker.ask(ctx, seen, asked)
	return outcome, without(err, "dnf", "dnf")
}

// mirror makes a directory with links to what is in another one; copied are files that are written to by whoever reads them.
func mirror(from, to string, copied func(name string) bool) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return fault.From(err, to)
	}
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.From(err, from)
	}
	for _, entry := range entries {
		source, target := from+"/"+entry.Name(), to+"/"+entry.Name()
		switch {
		case strings.HasSuffix(entry.Name(), ".pid"):
		case copied != nil && copied(entry.Name()):
			if content, err := os.ReadFile(source); err == nil {
				err = os.WriteFile(target, content, 0o600)
				if err != nil {
					return fault.From(err, target)
				}
			}
		default:
			if err := os.Symlink(source, target); err != nil {
				return fault.From(err, target)
			}
		}
	}
	return nil
}

// caches are what has been fetched from repositories.
func (d *dnf) caches() (paths []string) {
	for _, pattern := range []string{"/var/cache/dnf/*.solv", "/var/cache/dnf/*/repodata/repomd.xml"} {
		found, _ := filepath.Glob(d.places.root + pattern)
		for _, path := range found {
			paths = append(paths, strings.TrimPrefix(path, d.places.root))
		}
	}
	return paths
}

func (d *dnf) stale() bool {
	return d.places.outdated(d.caches(), "/etc/yum.repos.d", "/etc/yum.repos.d/*", "/etc/dnf/dnf.conf")
}

// outdated says whether some sources were changed after something was fetched, or nothing ever was.
func (p places) outdated(fetched []string, sources ...string) bool {
	var declared []string
	for _, pattern := range sources {
		found, _ := filepath.Glob(p.root + pattern)
		for _, path := range found {
			declared = append(declared, strings.TrimPrefix(path, p.root))
		}
	}
	return len(fetched) == 0 || p.changedAt(declared...).After(p.changedAt(fetched...))
}

func (d *dnf) offers(ctx context.Context, names []string) (map[string]available, error) {
	argv := []string{"-q", "repoquery", "--available", "--showduplicates", "--qf", `%{name}\t%{evr}\t%{arch}`, "--"}
	for _, name := range names {
		argv = append(argv, spelled(name, "-"))
	}
	outcome, err := d.ask(ctx, argv...)
	if err != nil {
		return nil, err
	}
	if outcome.Exit != 0 {
		if d.stale() {
			return nil, nil
		}
		return nil, fault.New(fault.IO, "dnf repoquery failed: %s", tail(string(outcome.Stderr)))
	}
	var found []offer
	for line := range strings.SplitSeq(string(outcome.Stdout), "\n") {
		if fields := strings.Split(line, "\t"); len(fields) == 3 {
			found = append(found, offer{fields[0], fields[1], fields[2]})
		}
	}
	return offered(names, found, d.order), nil
}

func (d *dnf) simulate(ctx context.Context, wanted step) (would outlook, err error) {
	known, err := d.database()
	if err != nil {
		return outlook{}, err
	}
	base := []string{"--assumeno", "--setopt=clean_requirements_on_remove=False"}
	if len(wanted.install) > 0 {
		argv := append(base, "--allowerasing")
		if wanted.recommends != nil {
			argv = append(argv, "--setopt=install_weak_deps="+truth(*wanted.recommends))
		}
		argv = append(argv, "install", "--")
		for _, name := range wanted.install {
			argv = append(argv, spelled(name, "-"))
		}
		if would, err = d.dryRun(ctx, known, argv); err != nil || would.refusal != "" {
			return would, err
		}
	}
	if gone := append(wanted.remove, wanted.purge...); len(gone) > 0 {
		argv := append(base, "remove", "--")
		for _, name := range gone {
			argv = append(argv, spelled(name, "-"))
		}
		removed, err := d.dryRun(ctx, known, argv)
		if err != nil {
			return would, err
		}
		would.changes, would.held, would.refusal = append(would.changes, removed.changes...), append(would.held, removed.held...), removed.refusal
	}
	return would, nil
}

func (d *dnf) dryRun(ctx context.Context, known *database, argv []string) (outlook, error) {
	outcome, err := d.ask(ctx, argv...)
	if err != nil {
		return outlook{}, err
	}
	return dnfOutlook(known, outcome), nil
}

func dnfOutlook(known *database, outcome execute.Outcome) outlook {
	stdout, stderr := string(outcome.Stdout), string(outcome.Stderr)
	if outcome.Exit != 0 && !strings.Contains(stdout+stderr, "Operation aborted.") {
		var said []string
		for line := range strings.SplitSeq(stderr, "\n") {
			if line = strings.TrimSpace(strings.TrimPrefix(line, "Error:")); line != "" && !strings.HasPrefix(line, "(try to add") {
				said = append(said, line)
			}
		}
		return outlook{refusal: tail(strings.Join(said, "\n"))}
	}
	changes := parseTransaction(stdout, known)
	return outlook{changes: changes, held: known.heldOf(changes)}
}

var (
	heading   = regexp.MustCompile(`^(Installing|Upgrading|Downgrading|Reinstalling|Removing)\b.*:$`)
	replacing = regexp.MustCompile(`^\s+replacing\s+(\S+)\.\S+\s+(\S+)`)
	verbs     = map[string]string{"Installing": "install", "Upgrading": "upgrade", "Downgrading": "downgrade", "Reinstalling": "reinstall", "Removing": "remove"}
)

// parseTransaction reads the table that dnf shows: below each heading a package, its architecture, version and repository, and its size. What does not
// fit into a line goes on in the next one.
func parseTransaction(text string, known *database) (found []change) {
	verb := ""
	var row []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, " ") {
			verb, row = "", nil
			if match := heading.FindStringSubmatch(line); match != nil {
				verb = verbs[match[1]]
			}
			continue
		}
		if match := replacing.FindStringSubmatch(line); match != nil {
			found = append(found, change{action: "remove", name: match[1], from: match[2]})
			continue
		}
		if row = append(row, strings.Fields(line)...); verb == "" || len(row) < 5 {
			continue
		}
		one := change{action: verb, name: row[0], to: row[2]}
		if row[1] != known.native && !portable[row[1]] {
			one.name += ":" + row[1]
		}
		if verb == "remove" {
			one.from, one.to = row[2], ""
		} else if there := known.find(one.name); there != nil && verb != "install" {
			one.from = there.version
		}
		found, row = append(found, one), nil
	}
	return found
}
