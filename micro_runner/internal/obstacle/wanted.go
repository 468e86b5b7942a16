// Package obstacle is what would keep a path from becoming what it is wanted to be, as far as that can be known without writing.
//
// Invariants: where a path is as it is wanted, nothing is looked at for it. What is named here would make the write fail, by the
// same code. The same world has the same obstacles.
package obstacle

import (
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/owner"
)

// Wanted is what a path is to be.
type Wanted struct {
	Digest    digest.Sum
	HasDigest bool

	kind           entry.Type // Absent: nothing
	to             string
	mode, uid, gid int // command.Keep: not said, or said by name
	owner, group   string
	backup         string
	program        string // that looks at a content before it goes live
	tree           bool   // a directory is to go with all that is in it
}

// Read reads the field `wanted` of an item, and what is beside it, since it names subjects and a command; nil when it is left out.
func Read(item *command.Arguments) *Wanted {
	fields := item.Object("wanted")
	if fields == nil {
		return nil
	}
	a := command.Read(fields)
	w := &Wanted{
		kind: entry.Type(a.Text("type")), to: a.Text("to"), mode: a.Mode(), uid: a.Number("uid"), gid: a.Number("gid"),
		backup: item.Text("backup"), tree: a.Bool("recursive", false),
	}
	w.Digest, w.HasDigest = a.Digest("digest")
	if w.uid == command.Keep {
		w.owner = a.Text("owner")
	}
	if w.gid == command.Keep {
		w.group = a.Text("group")
	}
	if argv := item.Strings("validate"); len(argv) > 0 {
		w.program = argv[0]
	}
	switch w.kind {
	case entry.File, entry.Directory, entry.Symlink, entry.Absent:
	default:
		a.Fail("type", "none of file, directory, symlink and absent")
	}
	if err := a.Err(); err != nil {
		item.Fail("wanted", err.Error())
	}
	return w
}

// change is what a write would do.
type change int

const (
	nothing change = iota
	create
	adjust // owner and mode, in place
	replace
	remove
)

// of says what it takes.
func (w *Wanted) of(there *entry.Entry, names *owner.Names) change {
	switch {
	case there.Type == entry.Absent && w.kind == entry.Absent:
		return nothing
	case there.Type == entry.Absent:
		return create
	case w.kind == entry.Absent:
		return remove
	case there.Type != w.kind, w.HasDigest && there.Digested && there.Digest != w.Digest, w.kind == entry.Symlink && w.to != there.To:
		return replace
	case w.givesAway(there, names) || w.regroups(there, names) || w.setsMode(there):
		return adjust
	}
	return nothing
}

// givesAway, regroups: the owner, the group is to be another one. A name is compared with a name, since two may have one number.
func (w *Wanted) givesAway(there *entry.Entry, names *owner.Names) bool {
	return w.uid != command.Keep && w.uid != int(there.Stat.UID) || w.owner != "" && w.owner != names.User(there.Stat.UID)
}

func (w *Wanted) regroups(there *entry.Entry, names *owner.Names) bool {
	return w.gid != command.Keep && w.gid != int(there.Stat.GID) || w.group != "" && w.group != names.Group(there.Stat.GID)
}

func (w *Wanted) setsMode(there *entry.Entry) bool {
	return w.mode != command.Keep && w.kind != entry.Symlink && w.mode != int(there.Stat.Mode&0o7777)
}
