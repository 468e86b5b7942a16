// Package packages is what is installed, what could be, and what would come of it: `pkg.query`, `pkg.list`, `pkg.simulate` and `pkg.manager`.
//
// What is installed is read from dpkg's own database, without a process; apt is asked only about what is not as it is wanted, and for what it
// said before only once its sources, lists or settings have changed.
//
// Invariant: nothing here changes anything. What apt is asked is run as a check is, where the kernel allows that.
package packages

import (
	"context"
	"regexp"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// mostVersions is how many of the versions that could be installed are told.
const mostVersions = 16

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{0,199}(:[a-z0-9][a-z0-9-]{0,30})?$`)

// Commands is all four.
func Commands() []command.Command { return of(places{}) }

func of(where places) []command.Command {
	manager := &manager{library: library{places: where}, apt: apt{places: where}}
	return []command.Command{
		{Name: "pkg.query", Names: []command.Names{{Argument: "name", Scheme: "package"}}, Replays: true, Run: manager.query},
		{Name: "pkg.list", Replays: true, Run: manager.list},
		{Name: "pkg.simulate", Replays: true, Run: manager.simulate},
		{Name: "pkg.manager", Replays: true, Run: manager.look},
	}
}

// manager is the target's.
type manager struct {
	library library
	apt     apt
}

// question is about one package.
type question struct {
	name           string
	wanted         Range
	latest, absent bool
}

func (q question) read(item wire.Object) (question, error) {
	a := command.Read(item)
	q.name, q.latest, q.absent = a.Text("name"), a.Bool("latest", false), a.Bool("absent", false)
	text := a.Text("version")
	if !validName.MatchString(q.name) {
		a.Fail("name", "not the name of a package")
	}
	if a.Err() != nil {
		return q, a.Err()
	}
	var err error
	q.wanted, err = ParseRange(text)
	return q, err
}

// asks says whether apt has to be asked about it.
func (q question) asks(there *installed) bool {
	return !q.absent && (q.latest || !there.present() || !q.wanted.Has(there.version))
}

func (m *manager) query(ctx context.Context, call *command.Call) (wire.Array, error) {
	questions, errs := make([]question, len(call.Items)), make([]error, len(call.Items))
	database, missing := m.library.database()
	var names []string
	for i, item := range call.Items {
		questions[i], errs[i] = questions[i].read(item)
		if errs[i] == nil && missing != nil {
			errs[i] = missing
		}
		if errs[i] == nil && questions[i].asks(database.find(questions[i].name)) {
			names = append(names, questions[i].name)
		}
	}
	var offered map[string]available
	var unanswered error
	stale := false
	if len(names) > 0 {
		offered, unanswered = m.apt.policy(ctx, names)
		stale = m.apt.stale()
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
		there := database.find(q.name)
		asked := q.asks(there)
		if asked && unanswered != nil {
			results[i] = command.Failed(unanswered, q.name)
			continue
		}
		reply := m.described(q, there)
		if asked {
			reply = append(reply, told(q, offered[q.name], stale)...)
		}
		results[i] = command.OK(reply)
	}
	return results, nil
}

// described is what is on record about a package.
func (m *manager) described(q question, there *installed) wire.Object {
	reply := wire.Object{wire.F("exists", there.present()), wire.F("fits", there.present() && q.wanted.Has(there.version))}
	if there == nil {
		return append(reply, wire.F("state", "not-installed"), wire.F("hold", false))
	}
	reply = append(reply, wire.F("state", there.state), wire.F("hold", there.want == "hold"))
	if there.broken {
		reply = append(reply, wire.F("broken", true))
	}
	if !there.present() {
		return reply
	}
	reply = append(reply, wire.F("version", there.version), wire.F("arch", there.arch), wire.F("automatic", there.automatic))
	if kept := m.library.places.kept(there); len(kept) > 0 {
		reply = append(reply, wire.F("kept", texts(kept)))
	}
	return reply
}

// told is what apt offers.
func told(q question, offer available, stale bool) wire.Object {
	reply := wire.Object{wire.F("stale", stale), wire.F("versions", texts(offer.versions[:min(len(offer.versions), mostVersions)]))}
	if choice := offer.choice(q.wanted); choice != "" {
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
		if !validWish.MatchString(text) && !(field == "install" && validFile.MatchString(text)) {
			a.Fail(field, "not a list of packages")
		}
	}
	return list
}

var validFile = regexp.MustCompile(`^(/[A-Za-z0-9+%~_-][A-Za-z0-9.+%~_-]*)+\.deb$`)

var validWish = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]{0,199}(:[a-z0-9][a-z0-9-]{0,30})?(=[A-Za-z0-9.+~:-]{1,256})?$`)

// noApt is said where there is dpkg, or neither.
func noApt(err error) error {
	if known := fault.From(err, "apt"); known.Code == fault.CommandNotFound {
		return fault.New(fault.NotSupported, "there is no apt here")
	}
	return err
}
