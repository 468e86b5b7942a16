// Package packages is what is installed, what could be, and what would come of it: `pkg.query`, `pkg.list`, `pkg.changed`,
// `pkg.simulate` and `pkg.manager`.
//
// There is one way to ask, and a manager behind it: apt and dpkg, or another. What is installed is read from its own database; what there is, is
// asked of its programs, only about what is not as it is wanted, and for what they said before only once what they go by has changed.
//
// Invariant: nothing here changes anything. What a program is asked is run as a check is, where the kernel allows that.
package packages

import (
	"context"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/wire"
)

// mostVersions is how many of the versions that could be installed are told.
const mostVersions = 16

// What a package may be called. How long something may be is counted, since a pattern that does takes long to be compiled, at each start.
var (
	validName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9+._-]*(:[a-z0-9][a-z0-9_-]*)?$`)
	validVersion = regexp.MustCompile(`^[A-Za-z0-9.+~:_^-]+$`)
	validFile    = regexp.MustCompile(`^(/[A-Za-z0-9+%~_-][A-Za-z0-9.+%~_-]*)+\.deb$`)
)

const (
	longestName    = 200
	longestArch    = 31
	longestVersion = 256
)

// isName: a package, perhaps with an architecture behind a colon.
func isName(text string) bool {
	name, arch, _ := strings.Cut(text, ":")
	return len(name) <= longestName && len(arch) <= longestArch && validName.MatchString(text)
}

// isWish: the same, perhaps with a version behind an equals sign.
func isWish(text string) bool {
	name, version, exact := strings.Cut(text, "=")
	return isName(name) && (!exact || len(version) <= longestVersion && validVersion.MatchString(version))
}

// Commands is all of them.
func Commands() []command.Command { return of(places{}) }

func of(where places) []command.Command {
	f := managers(where)
	return []command.Command{
		{Name: "pkg.query", Names: []command.Names{{Argument: "name", Scheme: "package"}}, Replays: true, Run: f.query},
		{Name: "pkg.list", Replays: true, Run: f.list},
		{Name: "pkg.changed", Names: []command.Names{{Argument: "path", Scheme: "path"}}, Replays: true, Run: f.changed},
		{Name: "pkg.simulate", Replays: true, Run: f.simulate},
		{Name: "pkg.manager", Replays: true, Run: f.look},
	}
}

// inquiry is about one package.
type inquiry struct {
	name           string
	wanted         Range
	latest, absent bool
}

func (q inquiry) read(item wire.Object, order func(a, b string) int) (inquiry, error) {
	a := command.Read(item)
	q.name, q.latest, q.absent = a.Text("name"), a.Bool("latest", false), a.Bool("absent", false)
	text := a.Text("version")
	if !isName(q.name) {
		a.Fail("name", "not the name of a package")
	}
	if a.Err() != nil {
		return q, a.Err()
	}
	var err error
	q.wanted, err = ParseRange(text, order)
	return q, err
}

// asks says whether the package manager has to be asked what there is of it.
func (q inquiry) asks(there *installed) bool {
	return !q.absent && (q.latest || !there.present() || !q.wanted.Has(there.version))
}

func (f *found) query(ctx context.Context, call *command.Call) (wire.Array, error) {
	questions, errs := make([]inquiry, len(call.Items)), make([]error, len(call.Items))
	manager, known, missing := f.installed()
	order := Compare
	if missing == nil {
		order = manager.order
	}
	var names []string
	for i, item := range call.Items {
		questions[i], errs[i] = questions[i].read(item, order)
		if errs[i] == nil {
			errs[i] = missing
		}
		if errs[i] == nil && questions[i].asks(known.find(questions[i].name)) {
			names = append(names, questions[i].name)
		}
	}
	var offered map[string]available
	var unanswered error
	stale := false
	if len(names) > 0 {
		offered, unanswered = manager.offers(ctx, names)
		stale = manager.stale()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	results := make(wire.Array, len(call.Items))
	for i, q := range questions {
		if errs[i] != nil {
			results[i] = command.Failed(errs[i], q.name)
			continue
		}
		there := known.find(q.name)
		asked := q.asks(there)
		if asked && unanswered != nil {
			results[i] = command.Failed(unanswered, q.name)
			continue
		}
		reply := append(wire.Object{wire.F("manager", manager.name())}, q.answered(known, there, f.places.kept(there, known.beside))...)
		if asked {
			reply = append(reply, told(q, offered[q.name], order, stale)...)
		}
		results[i] = command.OK(reply)
	}
	return results, nil
}

// installed is the target's manager, and what it has installed.
func (f *found) installed() (manager, *database, error) {
	manager, err := f.manager()
	if err != nil {
		return nil, nil, err
	}
	known, err := manager.database()
	return manager, known, err
}

// answered is what is on record about a package; kept are its files of which another version lies beside.
func (q inquiry) answered(known *database, there *installed, kept []string) wire.Object {
	reply := wire.Object{wire.F("exists", there.present()), wire.F("fits", there.present() && q.wanted.Has(there.version))}
	if there == nil {
		return append(reply, wire.F("state", "not-installed"), wire.F("hold", known.onHold(q.name)))
	}
	reply = append(reply, wire.F("state", there.state), wire.F("hold", there.want == "hold"))
	if there.broken {
		reply = append(reply, wire.F("broken", true))
	}
	if !there.present() {
		return reply
	}
	reply = append(reply, wire.F("version", there.version), wire.F("arch", there.arch), wire.F("automatic", there.automatic && !known.lasting))
	if len(kept) > 0 {
		reply = append(reply, wire.F("kept", texts(kept)))
	}
	return reply
}

// told is what is offered.
func told(q inquiry, offer available, order func(a, b string) int, stale bool) wire.Object {
	reply := wire.Object{wire.F("stale", stale), wire.F("versions", texts(offer.versions[:min(len(offer.versions), mostVersions)]))}
	if choice := offer.choice(q.wanted, order); choice != "" {
		reply = append(reply, wire.F("choice", choice))
	}
	return reply
}

func texts(list []string) wire.Array {
	array := make(wire.Array, len(list))
	for i, text := range list {
		array[i] = text
	}
	return array
}

// names reads a list of packages, each perhaps with a version behind an equals sign; what is to be installed may lie in a file.
func names(a *command.Arguments, field string) []string {
	list := a.Strings(field)
	for _, text := range list {
		if !isWish(text) && !(field == "install" && validFile.MatchString(text)) {
			a.Fail(field, "not a list of packages")
		}
	}
	return list
}
