package dirs

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const defaultLimit = 50_000

func list(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		a := command.Read(item)
		path := a.Path()
		l := listing{ctx: ctx, temps: host.Temps, recursive: a.Bool("recursive", false), limit: int(a.Int("limit", defaultLimit, wire.MaxInteger))}
		if err := a.Err(); err != nil {
			return nil, err
		}
		return l.run(path, host)
	})
}

type listed struct {
	name string
	stat sys.Stat
}

type listing struct {
	ctx       context.Context
	temps     *temp.Workshop
	recursive bool
	limit     int
	entries   []listed
	size      int // of all names
	truncated bool
}

func (l *listing) run(path string, host *command.Host) (wire.Object, error) {
	dir, name, err := walk.Parent(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	err = l.read(dir, name, path)
	switch {
	case err == syscall.ENOENT:
		return nil, fault.New(fault.NotFound, "%s does not exist", path)
	case err == syscall.ENOTDIR || err == syscall.ELOOP:
		return nil, fault.New(fault.NotDirectory, "%s is not a directory", path)
	case err != nil:
		return nil, err
	}
	slices.SortFunc(l.entries, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	entries := make(wire.Array, len(l.entries))
	for i, e := range l.entries {
		entries[i] = e.value(host)
	}
	state := digest.Of(wire.Append(nil, wire.Array{entries, l.truncated}))
	return wire.Object{wire.F("entries", entries), wire.F("state", state.String()), wire.F("truncated", l.truncated)}, nil
}

func (e *listed) value(host *command.Host) wire.Object {
	value := wire.Object{
		wire.F("gid", int64(e.stat.GID)), wire.F("group", host.Names.Group(e.stat.GID)), wire.F("mode", entry.Mode(e.stat.Mode)),
	}
	if e.stat.MountRoot {
		value = append(value, wire.F("mountpoint", true))
	}
	return append(value,
		wire.F("name", e.name), wire.F("owner", host.Names.User(e.stat.UID)), wire.F("type", string(entry.TypeOf(e.stat.Mode))),
		wire.F("uid", int64(e.stat.UID)))
}

// read lists a directory in the order of its names, so that what a limit cuts off is always the same.
func (l *listing) read(dir sys.FD, name, path string) error {
	d := descent{path: path, flags: syscall.O_NOATIME}
	defer d.close()
	if err := d.begin(dir, name); err != nil {
		return err
	}
	dev := d.last().stat.Dev // where another file system begins, the walk ends: this is that of all directories on the way
	prefix := ""             // of the names in the last directory
	for {
		if l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		here := d.last()
		if len(here.names) == 0 {
			if len(d.levels) == 1 {
				return nil
			}
			left, err := d.leave()
			if err != nil {
				return err
			}
			prefix = prefix[:len(prefix)-len(left.name)-1]
			continue
		}
		name := here.names[0]
		here.names = here.names[1:]
		there, err := sys.Statat(here.dir, name)
		if err == syscall.ENOENT {
			continue
		}
		if err != nil {
			return fault.From(err, d.at(name))
		}
		if l.temps.Hides(here.dir, name, &there) {
			continue
		}
		if len(l.entries) >= l.limit {
			l.truncated = true
			return nil
		}
		// Whoever nests directories deeply makes names that grow with the square of what it costs them.
		if l.size += len(prefix) + len(name); l.size > frames.Limit {
			return fault.New(fault.ReplyTooLarge, "the names below it have more than %d MiB together, which does not fit into a frame", frames.Limit>>20)
		}
		there.MountRoot = there.MountRoot || there.Dev != dev && there.Is(syscall.S_IFDIR)
		l.entries = append(l.entries, listed{prefix + name, there})
		if !l.recursive || !there.Is(syscall.S_IFDIR) || there.MountRoot {
			continue
		}
		switch err := d.enter(name); err {
		case nil:
			prefix += name + "/"
		case syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP: // replaced while one looked
		default:
			return fault.From(err, d.at(name))
		}
	}
}
