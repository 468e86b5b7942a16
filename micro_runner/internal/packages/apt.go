package packages

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// apt is Debian's, with dpkg below it.
type apt struct {
	library library
	asker   asker
}

func (a *apt) name() string { return "apt" }

func (a *apt) order(one, other string) int { return Compare(one, other) }

func (a *apt) database() (*database, error) { return a.library.database() }

func (a *apt) ready() error {
	return needs("apt-get", "apt")
}

// interrupted: dpkg keeps what it is doing in a journal, which it clears in the end.
func (a *apt) interrupted() bool {
	entries, _ := os.ReadDir(a.library.places.dpkg("updates"))
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil {
			return true
		}
	}
	return false
}

func (a *apt) holder() wire.Object {
	where := a.library.places
	return recordLock(where.dpkg("lock-frontend"), where.dpkg("lock"), where.root+"/var/lib/apt/lists/lock", where.root+"/var/cache/apt/archives/lock")
}

// fingerprint is of all that apt goes by: its sources, preferences and settings, its lists, and what is installed.
func (a *apt) fingerprint() string {
	where := a.library.places
	return where.trees("/etc/apt", "/var/lib/apt/lists") + where.identities("/var/lib/dpkg/status", "/var/lib/apt/extended_states")
}

// trees tells what is below some directories from what was there.
func (p places) trees(paths ...string) string {
	var text strings.Builder
	for _, tree := range paths {
		_ = filepath.WalkDir(p.root+tree, func(path string, _ fs.DirEntry, _ error) error {
			text.WriteString(identity(path))
			return nil
		})
	}
	return text.String()
}

// unpacking gives apt a place for what it takes out of a package that it is given as a file.
func unpacking(directory string) (options, environment []string, err error) {
	return nil, []string{"TMPDIR=" + directory}, nil
}

// ask runs one of its programs, which changes nothing.
func (a *apt) ask(ctx context.Context, argv ...string) (execute.Outcome, error) {
	quiet := []string{argv[0], "-o", "Debug::NoLocking=true"}
	if !confining() { // nothing else keeps it from renewing its caches
		quiet = append(quiet, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
	}
	asked := question{argv: append(quiet, argv[1:]...)}
	if slices.ContainsFunc(argv, func(word string) bool { return strings.HasPrefix(word, "/") }) {
		asked.scratch = unpacking
	}
	outcome, err := a.asker.ask(ctx, a.fingerprint(), asked)
	return outcome, without(err, argv[0], "apt")
}

// offers asks for what there is of some names.
func (a *apt) offers(ctx context.Context, names []string) (map[string]available, error) {
	outcome, err := a.ask(ctx, append([]string{"apt-cache", "policy", "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	if outcome.Exit != 0 {
		return nil, fault.New(fault.IO, "apt-cache policy failed: %s", tail(string(outcome.Stderr)))
	}
	return parsePolicy(string(outcome.Stdout)), nil
}

func parsePolicy(text string) map[string]available {
	found := map[string]available{}
	name := ""
	for line := range strings.SplitSeq(text, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if marked, is := strings.CutPrefix(line, " *** "); is {
			line, indent = marked, 5
		}
		words := strings.Fields(line)
		one := found[name]
		switch {
		case len(words) == 0:
			continue
		case indent == 0:
			name = strings.TrimSuffix(line, ":")
			one = available{}
		case indent == 2 && words[0] == "Candidate:" && len(words) > 1 && words[1] != "(none)":
			one.candidate = words[1]
		case indent == 5 && len(words) == 2:
			if priority, err := strconv.Atoi(words[1]); err == nil && priority >= 0 {
				one.versions = append(one.versions, words[0])
			}
		}
		found[name] = one
	}
	return found
}

// stale says whether the sources were changed after the lists were fetched, or none ever were.
func (a *apt) stale() bool {
	fetched := newest(a.library.places.root+"/var/lib/apt/lists", a.library.places.root+"/var/lib/apt/lists/partial")
	lists, _ := filepath.Glob(a.library.places.root + "/var/lib/apt/lists/*Packages*")
	parts, _ := filepath.Glob(a.library.places.root + "/etc/apt/sources.list.d/*")
	sources := newest(append(parts, a.library.places.root+"/etc/apt/sources.list", a.library.places.root+"/etc/apt/sources.list.d")...)
	return len(lists) == 0 || sources.After(fetched)
}

func newest(paths ...string) (last time.Time) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
