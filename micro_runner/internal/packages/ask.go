package packages

import (
	"context"
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
func confining() bool { return confine.Version() > 0 }

// question is what a program is asked.
type question struct {
	argv        []string
	environment []string
	fresh       bool // nobody keeps an eye on what it goes by
}

// asker asks a package manager's programs, and remembers what they said for as long as nothing that they go by has changed.
type asker struct {
	places places
	lock   sync.Mutex
	seen   string
	known  map[string]execute.Outcome
}

// ask runs a program that changes nothing, unless it has been asked the same before.
//
// seen is what it goes by: with another one, what was said counts no longer.
func (a *asker) ask(ctx context.Context, seen string, asked question) (execute.Outcome, error) {
	key := strings.Join(asked.argv, "\x00")
	a.lock.Lock()
	if a.known == nil || a.seen != seen || len(a.known) >= mostKnown {
		a.seen, a.known = seen, map[string]execute.Outcome{}
	}
	outcome, known := a.known[key]
	a.lock.Unlock()
	if known && !asked.fresh {
		return outcome, nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	outcome, err := execute.Run(limited, execute.Spec{
		Argv: asked.argv, Environment: append([]string{"LC_ALL=C.UTF-8", "LANGUAGE="}, asked.environment...), Directory: "/",
		MaxOutput: mostSaid, Confined: confining(), Asked: true,
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
