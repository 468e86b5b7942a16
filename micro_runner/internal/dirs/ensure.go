// Package dirs is the commands dir.ensure, dir.remove and dir.list.
//
// Invariant: what is removed or listed is what was reached from the path by descriptors, never by a link or across a mount point.
package dirs

import (
	"context"
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

const newMode = 0o755

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command {
	return []command.Command{
		{Name: "dir.ensure", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return ensureAll(ctx, host, call) }},
		{Name: "dir.remove", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return removeAll(ctx, host, call) }},
		{Name: "dir.list", Names: command.Path, Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return list(ctx, host, call) }},
	}
}

// synced runs a batch in order and makes it durable at its end.
func synced(ctx context.Context, call *command.Call, one func(wire.Object, *durable.Directories) (wire.Object, error)) (wire.Array, error) {
	var directories durable.Directories
	results, err := command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(item, &directories) })
	for _, failed := range directories.Sync() {
		if err == nil && failed != nil {
			err = failed
		}
	}
	return results, err
}

type directory struct {
	path, expect   string
	mode, uid, gid int
	parents        bool
	changed        bool
}

func ensureAll(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	return synced(ctx, call, func(item wire.Object, directories *durable.Directories) (wire.Object, error) {
		a := command.Read(item)
		d := directory{path: a.Path(), expect: a.Text("expect"), mode: a.Mode(), parents: a.Bool("parents", false)}
		d.uid, d.gid = a.Owner(host.Names)
		if err := a.Err(); err != nil {
			return nil, err
		}
		there, err := d.ensure(host, directories)
		if err != nil {
			return nil, err
		}
		return append(wire.Object{wire.F("changed", d.changed)}, there.Reply(host.Names)...), nil
	})
}

func (d *directory) ensure(host *command.Host, directories *durable.Directories) (entry.Entry, error) {
	dir, name, err := d.parent(directories)
	if err != nil {
		return entry.Entry{}, err
	}
	defer dir.Close()
	there, err := entry.Look(context.Background(), dir, name, entry.Wish{Digest: d.expect != ""}, host.Digests)
	if err != nil {
		return there, err
	}
	if d.expect != "" && there.State() != d.expect {
		return there, fault.New(fault.Conflict, "%s is not as expected", d.path)
	}
	done := host.Own.Begin(d.path)
	defer func() { done(dir, name) }()
	if there.Type == entry.Absent {
		if err := d.make(dir, name, directories); err != nil {
			return there, err
		}
	} else if there.Type != entry.Directory {
		return there, fault.New(fault.NotDirectory, "%s exists and is not a directory", d.path)
	} else if err := d.adjust(dir, name, &there.Stat); err != nil {
		return there, err
	}
	if !d.changed {
		return there, nil
	}
	fd, err := sys.Openat(dir, name, sys.OPath|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return there, err
	}
	defer fd.Close()
	if _, err := directories.Add(fd); err != nil {
		return there, err
	}
	return entry.Look(context.Background(), dir, name, entry.Wish{}, host.Digests)
}

// parent opens the directory that holds the path, and makes it first where that was asked for.
func (d *directory) parent(directories *durable.Directories) (sys.FD, string, error) {
	dir, name, err := walk.Parent(d.path)
	if err == nil || !d.parents || fault.From(err, d.path).Code != fault.NotFound {
		return dir, name, err
	}
	above, _ := walk.Split(d.path)
	missing := directory{path: above, mode: newMode, uid: command.Keep, gid: command.Keep, parents: true}
	holder, its, err := missing.parent(directories)
	if err != nil {
		return -1, "", err
	}
	defer holder.Close()
	if err := missing.make(holder, its, directories); err != nil && fault.From(err, above).Code != fault.Conflict {
		return -1, "", err
	}
	d.changed = true
	return walk.Parent(d.path)
}

// make makes a directory that nobody else may enter before it has its owner and mode.
func (d *directory) make(dir sys.FD, name string, directories *durable.Directories) error {
	err := sys.Mkdirat(dir, name, 0o700)
	if err == syscall.EEXIST {
		return fault.New(fault.Conflict, "%s has come into being meanwhile", d.path)
	}
	if err != nil {
		return entry.Blame(err, dir, d.path)
	}
	d.changed = true
	if _, err := directories.Add(dir); err != nil {
		return err
	}
	above, err := sys.Fstat(dir)
	if err != nil {
		return err
	}
	fd, fresh, err := open(dir, name)
	if err != nil {
		return err
	}
	defer fd.Close()
	mode := d.mode
	if mode == command.Keep {
		mode = newMode | int(fresh.Mode&syscall.S_ISGID) // which it may have from its parent
	}
	return attr.Begin(fd, &fresh, &above, d.uid, d.gid, mode)
}

func (d *directory) adjust(dir sys.FD, name string, there *sys.Stat) error {
	if (d.uid == command.Keep || d.uid == int(there.UID)) && (d.gid == command.Keep || d.gid == int(there.GID)) &&
		(d.mode == command.Keep || d.mode == int(there.Mode&0o7777)) {
		return nil
	}
	if there.Immutable {
		return entry.Immutable(d.path)
	}
	fd, now, err := open(dir, name)
	if err != nil {
		return err
	}
	defer fd.Close()
	if !now.Same(there) {
		return fault.New(fault.Conflict, "%s has changed meanwhile", d.path)
	}
	d.changed = true
	return attr.Set(fd, &now, d.uid, d.gid, d.mode)
}

func open(dir sys.FD, name string) (sys.FD, sys.Stat, error) {
	fd, err := sys.Openat(dir, name, sys.OPath|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return -1, sys.Stat{}, err
	}
	stat, err := sys.Fstat(fd)
	if err != nil {
		fd.Close()
	}
	return fd, stat, err
}
