package files

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

func remove(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	var directories durable.Directories
	results, err := command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		a := command.Read(item)
		path, expect := a.Path(), a.Text("expect")
		if err := a.Err(); err != nil {
			return nil, err
		}
		changed, err := removeOne(path, expect, host, &directories)
		return wire.Object{wire.F("changed", changed)}, err
	})
	for _, failed := range directories.Sync() {
		if err == nil && failed != nil {
			err = failed
		}
	}
	return results, err
}

func removeOne(path, expect string, host *command.Host, directories *durable.Directories) (bool, error) {
	dir, name, err := walk.Parent(path)
	there := entry.Entry{Type: entry.Absent}
	if err == nil {
		defer dir.Close()
		there, err = entry.Look(context.Background(), dir, name, entry.Wish{Digest: expect != ""}, host.Digests)
	} else if code := fault.From(err, path).Code; code == fault.NotFound || code == fault.NotDirectory {
		err = nil
	}
	switch {
	case err != nil:
		return false, err
	case expect != "" && there.State() != expect:
		return false, fault.New(fault.Conflict, "%s is not as expected", path)
	case there.Type == entry.Absent:
		return false, nil
	case there.Type == entry.Directory:
		return false, fault.New(fault.IsDirectory, "%s is a directory", path)
	case there.Stat.Immutable:
		return false, entry.Immutable(path)
	case there.MountedOn:
		return false, fault.New(fault.MountPoint, "%s is a mount point and cannot be removed", path)
	}
	done := host.Own.Begin(path)
	err = sys.Unlinkat(dir, name, 0)
	done(dir, name)
	if err != nil {
		if err == syscall.ENOENT {
			return false, nil
		}
		return false, entry.Blame(err, dir, path)
	}
	_, err = directories.Add(dir)
	return true, err
}
