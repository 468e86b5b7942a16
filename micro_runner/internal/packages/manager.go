package packages

import (
	"context"
	"os"
	"strings"
	"sync"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// manager is a package manager: all that the calls have to know of one.
type manager interface {
	name() string
	// database is what is installed. It is not changed by whoever gets it.
	database() (*database, error)
	// order compares two versions: below zero when a is the older one.
	order(a, b string) int
	// offers is what could be installed of some names. One of which nothing is known may be missing.
	offers(ctx context.Context, names []string) (map[string]available, error)
	// stale says whether what is known of the sources is older than their declaration, or nothing is known of them.
	stale() bool
	// simulate says what would come of it.
	simulate(ctx context.Context, wanted step) (outlook, error)
	// ready says why it could not be run; nil if it could.
	ready() error
	// interrupted says whether it was cut off and has left what it would have cleared in the end.
	interrupted() bool
	// holder is who holds one of its locks, if anybody does.
	holder() wire.Object
}

// step is what is to be done in one run of a package manager: packages are installed and removed, or purged.
type step struct {
	install, remove, purge []string
	recommends             *bool // as the target is configured where nobody says
}

// change is what would be done about one package.
type change struct {
	action, name, from, to string
	unneeded               bool // of a removal: nobody asked for it, and nobody needs it any more
}

// outlook is what would come of a step.
type outlook struct {
	changes []change
	held    []string // that would be changed although they are on hold
	refusal string   // why it would not be done
}

// found are the package managers that there may be on a target. Which there is is looked at for each call: one may have been installed.
type found struct {
	places places
	all    []manager
}

func managers(where places) *found {
	return &found{where, []manager{
		&apt{library: library{places: where}},
		&apk{places: where},
		&pacman{places: where},
		&zypper{places: where},
		&dnf{places: where},
	}}
}

// manager is the target's.
func (f *found) manager() (manager, error) {
	for _, one := range f.all {
		if f.places.there(databases[one.name()]...) {
			return one, nil
		}
	}
	return nil, fault.New(fault.NotSupported, "there is no package manager here that is known: no apt with dpkg, no apk, pacman, zypper or dnf")
}

// databases is by which file or directory a package manager is known to be the target's own.
var databases = map[string][]string{
	"apt":    {"/var/lib/dpkg/status"},
	"apk":    {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"},
	"pacman": {"/var/lib/pacman/local/ALPM_DB_VERSION"},
	"zypper": {"/usr/bin/zypper"},
	"dnf":    {"/usr/bin/dnf", "/usr/bin/dnf5"},
}

func (p places) there(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(p.root + path); err == nil {
			return true
		}
	}
	return false
}

// remembered is something that is read again only once what it is read from has changed.
type remembered[T any] struct {
	lock  sync.Mutex
	seen  string
	known *T
}

func (r *remembered[T]) get(seen string, read func() (*T, error)) (*T, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.known != nil && r.seen == seen {
		return r.known, nil
	}
	known, err := read()
	if err == nil {
		r.known, r.seen = known, seen
	}
	return known, err
}

// identities tells the contents of some files from others.
func (p places) identities(paths ...string) string {
	var text strings.Builder
	for _, path := range paths {
		text.WriteString(identity(p.root + path))
	}
	return text.String()
}

// action is what it is called that one version takes the place of another.
func replaced(order func(a, b string) int, from, to string) string {
	switch known := order(from, to); {
	case from == "":
		return "install"
	case known < 0:
		return "upgrade"
	case known > 0:
		return "downgrade"
	}
	return "reinstall"
}

func described(changes []change) wire.Array {
	array := make(wire.Array, len(changes))
	for i, one := range changes {
		object := wire.Object{wire.F("action", one.action), wire.F("name", one.name)}
		if one.from != "" {
			object = append(object, wire.F("from", one.from))
		}
		if one.to != "" {
			object = append(object, wire.F("to", one.to))
		}
		if one.unneeded {
			object = append(object, wire.F("unneeded", true))
		}
		array[i] = object
	}
	return array
}

// look says which package manager there is, who is at work with it, and whether that was cut off.
func (f *found) look(ctx context.Context, call *command.Call) (wire.Array, error) {
	return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) {
		manager, err := f.manager()
		if err != nil {
			return nil, err
		}
		if err := manager.ready(); err != nil {
			return nil, err
		}
		reply := wire.Object{wire.F("manager", manager.name()), wire.F("stale", manager.stale()), wire.F("interrupted", manager.interrupted())}
		if holder := manager.holder(); holder != nil {
			reply = append(reply, wire.F("holder", holder))
		}
		return reply, nil
	})
}
