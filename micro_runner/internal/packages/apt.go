package packages

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
)

const (
	// patience is how long apt may think.
	patience  = 60 * time.Second
	mostSaid  = 4 << 20
	mostKnown = 256
)

func appendNumber(text []byte, number int64) []byte { return strconv.AppendInt(text, number, 10) }

// apt asks apt's programs, and remembers what they said for as long as nothing that they go by has changed.
type apt struct {
	places places
	lock   sync.Mutex
	seen   [sha256.Size]byte
	known  map[string]execute.Outcome
}

// fingerprint is of all that apt goes by: its sources, preferences and settings, its lists, and what is installed.
func (a *apt) fingerprint() [sha256.Size]byte {
	var text strings.Builder
	for _, tree := range []string{"/etc/apt", "/var/lib/apt/lists"} {
		_ = filepath.WalkDir(a.places.root+tree, func(path string, _ fs.DirEntry, _ error) error {
			text.WriteString(identity(path))
			return nil
		})
	}
	text.WriteString(identity(a.places.dpkg("status")))
	text.WriteString(identity(a.places.root + "/var/lib/apt/extended_states"))
	return sha256.Sum256([]byte(text.String()))
}

// ask runs a program that changes nothing, unless it has been asked the same before.
func (a *apt) ask(ctx context.Context, argv ...string) (execute.Outcome, error) {
	seen, key := a.fingerprint(), strings.Join(argv, "\x00")
	a.lock.Lock()
	if a.known == nil || a.seen != seen || len(a.known) >= mostKnown {
		a.seen, a.known = seen, map[string]execute.Outcome{}
	}
	outcome, known := a.known[key]
	a.lock.Unlock()
	files := strings.Contains(key, "\x00/") // which nobody keeps an eye on
	if known && !files {
		return outcome, nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	confined := confine.Version() > 0
	quiet := []string{argv[0], "-o", "Debug::NoLocking=true"}
	if !confined { // nothing else keeps it from renewing its caches
		quiet = append(quiet, "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
	}
	outcome, err := execute.Run(limited, execute.Spec{
		Argv: append(quiet, argv[1:]...), Environment: []string{"LC_ALL=C.UTF-8", "LANGUAGE="}, Directory: "/",
		MaxOutput: mostSaid, Confined: confined, Asked: true,
	})
	if err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = fault.New(fault.Timeout, "%s did not answer within %s", argv[0], patience)
		}
		return outcome, noApt(err)
	}
	a.lock.Lock()
	if a.seen == seen {
		a.known[key] = outcome
	}
	a.lock.Unlock()
	return outcome, nil
}

// available is what apt could install of one name.
type available struct {
	candidate string
	versions  []string // the newest first, without those that are pinned away
}

// choice is what would be installed of a range: apt's own candidate where that is within, else the newest that is.
func (a available) choice(wanted Range) string {
	if a.candidate != "" && wanted.Has(a.candidate) {
		return a.candidate
	}
	best := ""
	for _, version := range a.versions {
		if wanted.Has(version) && (best == "" || Compare(version, best) > 0) {
			best = version
		}
	}
	return best
}

// policy asks for what there is of some names.
func (a *apt) policy(ctx context.Context, names []string) (map[string]available, error) {
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
	fetched := newest(a.places.root+"/var/lib/apt/lists", a.places.root+"/var/lib/apt/lists/partial")
	lists, _ := filepath.Glob(a.places.root + "/var/lib/apt/lists/*Packages*")
	parts, _ := filepath.Glob(a.places.root + "/etc/apt/sources.list.d/*")
	sources := newest(append(parts, a.places.root+"/etc/apt/sources.list", a.places.root+"/etc/apt/sources.list.d")...)
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

// tail is the end of what a program said.
func tail(text string) string {
	const most = 2048
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "…" + strings.ToValidUTF8(text[len(text)-most:], "")
	}
	return text
}
