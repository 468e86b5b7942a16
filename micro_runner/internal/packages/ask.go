package packages

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
)

const (
	// patience is how long a package manager may think.
	patience  = 60 * time.Second
	mostSaid  = 4 << 20
	mostKnown = 256
)

func appendNumber(text []byte, number int64) []byte { return strconv.AppendInt(text, number, 10) }

// confining says whether what is asked can be kept from changing anything.
func confining() bool { return confine.Available() }

// question is what a program is asked.
type question struct {
	argv        []string
	environment []string
	stdin       string
	// scratch, where a program cannot do without one, fills a directory that it may change, and gives what it is told of that beside argv, behind
	// its first word, and beside its environment.
	scratch func(directory string) (options, environment []string, err error)
}

// asker asks a package manager's programs, and remembers what they said for as long as nothing that they go by has changed.
type asker struct {
	lock  sync.Mutex
	seen  string
	known map[string]execute.Outcome
}

// ask runs a program that changes nothing, unless it has been asked the same before.
//
// seen is what it goes by: with another one, what was said counts no longer.
func (a *asker) ask(ctx context.Context, seen string, asked question) (execute.Outcome, error) {
	key := strings.Join(slices.Concat(asked.argv, asked.environment, []string{asked.stdin}), "\x00")
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
	argv, environment, scratch := asked.argv, append([]string{"LC_ALL=C.UTF-8", "LANGUAGE="}, asked.environment...), ""
	if asked.scratch != nil {
		var err error
		if scratch, err = os.MkdirTemp(runtimeDirectory(), "froyo-packages-"); err != nil {
			return outcome, fault.From(err, runtimeDirectory())
		}
		defer os.RemoveAll(scratch)
		options, more, err := asked.scratch(scratch)
		if err != nil {
			return outcome, err
		}
		argv, environment = slices.Concat(argv[:1], options, argv[1:]), append(environment, more...)
	}
	outcome, err := execute.Run(limited, execute.Spec{
		Argv: argv, Stdin: []byte(asked.stdin), Environment: environment, Directory: "/",
		MaxOutput: mostSaid, Confined: confining(), Scratch: scratch, Asked: true,
	})
	if err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = fault.New(fault.Timeout, "%s did not answer within %s", asked.argv[0], patience)
		}
		return outcome, err
	}
	a.lock.Lock()
	if a.seen == seen {
		a.known[key] = outcome
	}
	a.lock.Unlock()
	return outcome, nil
}

// runtimeDirectory is where what is not to last lies: in memory, where there is that.
func runtimeDirectory() string {
	if info, err := os.Stat("/run"); err == nil && info.IsDir() && os.Geteuid() == 0 {
		return "/run"
	}
	return os.TempDir()
}

// needs says that a program of a manager is not there, or that it cannot be run.
func needs(program, manager string) error {
	if why, _ := execute.Lacks(program, "/", nil); why != nil {
		return without(why, program, manager)
	}
	return nil
}

// without is said where a program is not there, in the place of that; any other fault stays as it is.
func without(err error, program, manager string) error {
	if err != nil && fault.From(err, program).Code == fault.CommandNotFound {
		return fault.New(fault.NotSupported, "there is no %s here", manager)
	}
	return err
}

// available is what could be installed of one name.
type available struct {
	candidate string
	versions  []string // the newest first, without those that are pinned away
}

// choice is what would be installed of a range: the manager's own candidate where that is within, else the newest that is.
func (a available) choice(wanted Range, order func(a, b string) int) string {
	if a.candidate != "" && wanted.Has(a.candidate) {
		return a.candidate
	}
	best := ""
	for _, version := range a.versions {
		if wanted.Has(version) && (best == "" || order(version, best) > 0) {
			best = version
		}
	}
	return best
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

// offer is a version of a package that there is.
type offer struct{ name, version, arch string }

// offered is what there is of some names, the newest version first, which is the candidate. Without an architecture the machine's own counts.
func offered(names []string, offers []offer, order func(a, b string) int) map[string]available {
	found := map[string]available{}
	for _, text := range names {
		name, arch, exact := strings.Cut(text, ":")
		var own, others []string
		for _, one := range offers {
			switch {
			case one.name != name || exact && one.arch != arch:
			case exact || portable[one.arch] || one.arch == rpmArchitecture():
				own = append(own, one.version)
			default:
				others = append(others, one.version)
			}
		}
		if len(own) == 0 {
			own = others
		}
		slices.SortFunc(own, func(a, b string) int { return order(b, a) })
		own = slices.Compact(own)
		if len(own) > 0 {
			found[text] = available{candidate: own[0], versions: own}
		}
	}
	return found
}
