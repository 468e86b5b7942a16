package dirs

import (
	"context"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/durable"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

func removeAll(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	return synced(ctx, call, func(item wire.Object, directories *durable.Directories) (wire.Object, error) {
		a := command.Read(item)
		r := removal{ctx: ctx, path: a.Path(), recursive: a.Bool("recursive", false)}
		expect := a.Text("expect")
		if r.path == "/" {
			a.Fail("path", "the root cannot be removed")
		}
		if err := a.Err(); err != nil {
			return nil, err
		}
		changed, err := r.run(expect, host, directories)
		return wire.Object{wire.F("changed", changed)}, err
	})
}

type removal struct {
	ctx       context.Context
	path      string
	recursive bool
	limit     int // of entries to be looked at before anything is removed; 0: none
}

// Fixed says what would keep a directory from being removed; nil if nothing is known to.
func Fixed(ctx context.Context, dir sys.FD, name, path string, stat *sys.Stat, recursive bool) *fault.Fault {
	if recursive {
		r := removal{ctx: ctx, path: path, limit: defaultLimit}
		if err := r.contents(dir, name, stat, false); err != nil && ctx.Err() == nil {
			return fault.From(err, path)
		}
		return nil
	}
	d := descent{path: path, flags: syscall.O_NOATIME}
	defer d.close()
	if d.begin(dir, name) == nil && len(d.last().names) > 0 {
		return notEmpty(path)
	}
	return nil
}

func notEmpty(path string) *fault.Fault { return fault.New(fault.NotEmpty, "%s is not empty", path) }

func (r *removal) run(expect string, host *command.Host, directories *durable.Directories) (bool, error) {
	dir, name, err := walk.Parent(r.path)
	there := entry.Entry{Type: entry.Absent}
	if err == nil {
		defer dir.Close()
		there, err = entry.Look(context.Background(), dir, name, entry.Wish{Digest: expect != ""}, host.Digests)
	} else if code := fault.From(err, r.path).Code; code == fault.NotFound || code == fault.NotDirectory {
		err = nil
	}
	switch {
	case err != nil:
		return false, err
	case expect != "" && there.State() != expect:
		return false, fault.New(fault.Conflict, "%s is not as expected", r.path)
	case there.Type == entry.Absent:
		return false, nil
	case there.Type != entry.Directory:
		return false, fault.New(fault.NotDirectory, "%s is not a directory", r.path)
	case there.MountedOn:
		return false, r.mounted(r.path)
	case there.Stat.Immutable:
		return false, entry.Immutable(r.path)
	}
	if r.recursive {
		done := host.Own.BeginTree(r.path)
		defer done()
		if err := r.contents(dir, name, &there.Stat, false); err != nil {
			return false, err
		}
		if err := r.contents(dir, name, &there.Stat, true); err != nil {
			return true, err
		}
	}
	done := host.Own.Begin(r.path)
	err = sys.Unlinkat(dir, name, sys.AtRemoveDir)
	done(dir, name)
	switch {
	case err == syscall.ENOENT:
		return false, nil
	case err == syscall.ENOTEMPTY || err == syscall.EEXIST:
		return false, notEmpty(r.path)
	case err == syscall.EBUSY:
		return false, r.mounted(r.path)
	case err != nil:
		return false, entry.Blame(err, dir, r.path)
	}
	_, err = directories.Add(dir)
	return true, err
}

func (r *removal) mounted(path string) error {
	return fault.New(fault.MountPoint, "%s: %s is a mount point, nothing is removed", r.path, path)
}

// contents goes through a directory twice: first to see that nothing in it is a mount point, or immutable, then to remove what is in it.
func (r *removal) contents(dir sys.FD, name string, stat *sys.Stat, remove bool) error {
	d := descent{path: r.path}
	defer d.close()
	if err := d.begin(dir, name); err != nil {
		return fault.From(err, r.path)
	}
	if !d.last().stat.Same(stat) {
		return r.replaced(r.path)
	}
	looked := 0
	for {
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		name, there, err := d.next()
		if err != nil {
			return err
		}
		if name == "" {
			left, err := d.leave()
			if err != nil || len(d.levels) == 0 {
				return err
			}
			if err := r.unlink(&d, left.name, &left.stat, remove); err != nil {
				return err
			}
			continue
		}
		if there.MountRoot || there.Dev != stat.Dev && there.Is(syscall.S_IFDIR) {
			return r.mounted(d.at(name))
		}
		if there.Immutable {
			return entry.Immutable(d.at(name))
		}
		if looked++; !remove && looked == r.limit {
			return nil
		}
		if !there.Is(syscall.S_IFDIR) {
			if err := r.unlink(&d, name, &there, remove); err != nil {
				return err
			}
			continue
		}
		if err := d.enter(name); err != nil {
			return fault.From(err, d.at(name))
		}
		if !d.last().stat.Same(&there) {
			return r.replaced(d.at(""))
		}
	}
}

func (r *removal) replaced(path string) error {
	return fault.New(fault.Conflict, "%s has changed meanwhile", path)
}

// unlink removes an entry of the directory that one is in, if it is the time for that.
func (r *removal) unlink(d *descent, name string, there *sys.Stat, remove bool) error {
	if !remove {
		return nil
	}
	flags := 0
	if there.Is(syscall.S_IFDIR) {
		flags = sys.AtRemoveDir
	}
	dir := d.last().dir
	err := sys.Unlinkat(dir, name, flags)
	switch {
	case err == nil || err == syscall.ENOENT:
		return nil
	case there.Immutable:
		return entry.Immutable(d.at(name))
	}
	return fault.From(entry.Blame(err, dir, d.at(name)), d.at(name))
}
