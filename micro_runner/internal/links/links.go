// Package links is the command link.ensure.
//
// Invariant: at no instant is there nothing at a path where a link was, or is to be.
package links

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/attr"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/durable"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const maxTarget = 4095

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command {
	return []command.Command{{Name: "link.ensure", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
		return ensure(ctx, host, call)
	}}}
}

type link struct {
	path, to, expect string
	uid, gid         int

	dir     sys.FD
	name    string
	holder  sys.Stat
	changed bool
}

func ensure(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	var directories durable.Directories
	results, err := command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		a := command.Read(item)
		l := link{path: a.Path(), to: a.Text("to"), expect: a.Text("expect")}
		l.uid, l.gid = a.Owner(host.Names)
		if l.to == "" || len(l.to) > maxTarget || strings.IndexByte(l.to, 0) >= 0 {
			a.Fail("to", "not a link's target")
		}
		if err := a.Err(); err != nil {
			return nil, err
		}
		return l.ensure(host, &directories)
	})
	for _, failed := range directories.Sync() {
		if err == nil && failed != nil {
			err = failed
		}
	}
	return results, err
}

func (l *link) ensure(host *command.Host, directories *durable.Directories) (wire.Object, error) {
	var err error
	if l.dir, l.name, err = walk.Parent(l.path); err != nil {
		return nil, err
	}
	defer l.dir.Close()
	if l.holder, err = sys.Fstat(l.dir); err != nil {
		return nil, err
	}
	there, err := entry.Look(context.Background(), l.dir, l.name, entry.Wish{Digest: l.expect != ""}, host.Digests)
	if err != nil {
		return nil, err
	}
	if l.expect != "" && there.State() != l.expect {
		return nil, fault.New(fault.Conflict, "%s is not as expected", l.path)
	}
	done := host.Own.Begin(l.path)
	if there.Type == entry.Symlink && there.To == l.to {
		err = l.own(&there)
	} else {
		host.Temps.Sweep(l.dir, &l.holder)
		err = l.put(host, &there)
	}
	done(l.dir, l.name)
	if err != nil {
		return nil, err
	}
	if l.changed {
		if _, err := directories.Add(l.dir); err != nil {
			return nil, err
		}
		if there, err = entry.Look(context.Background(), l.dir, l.name, entry.Wish{}, host.Digests); err != nil {
			return nil, err
		}
	}
	return append(wire.Object{wire.F("changed", l.changed)}, there.Reply(host.Names)...), nil
}

// own changes the owner of the right link in place.
func (l *link) own(there *entry.Entry) error {
	if (l.uid == command.Keep || l.uid == int(there.Stat.UID)) && (l.gid == command.Keep || l.gid == int(there.Stat.GID)) {
		return nil
	}
	fd, err := sys.Openat(l.dir, l.name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer fd.Close()
	now, err := sys.Fstat(fd)
	if err != nil {
		return err
	}
	if !now.Unmoved(&there.Stat) {
		return fault.New(fault.Conflict, "%s has changed meanwhile", l.path)
	}
	l.changed = true
	return attr.Set(fd, &now, l.uid, l.gid, command.Keep)
}

// put makes the link under a temporary name and lets it take the path's.
func (l *link) put(host *command.Host, there *entry.Entry) error {
	if err := entry.Replaceable(there, l.path, l.expect != "", l.holder.Immutable); err != nil {
		return err
	}
	draft, err := host.Temps.Symlink(l.dir, l.to)
	if err != nil {
		return err
	}
	defer draft.Close()
	if err := draft.Give(l.uid, l.gid); err != nil {
		return err
	}
	l.changed = true
	if there.Type == entry.Absent {
		err = draft.Add(l.name)
		if !errors.Is(err, syscall.EEXIST) {
			return err
		}
		if l.expect != "" {
			return fault.New(fault.Conflict, "%s has come into being meanwhile", l.path)
		}
	}
	return draft.Replace(l.name)
}
