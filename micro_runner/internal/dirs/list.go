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
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const defaultLimit = 50_000

func list(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	paths := make([]string, len(call.Items))
	for i, item := range call.Items {
		paths[i] = command.Read(item).Text("path")
	}
	results := hang.Each(ctx, host.Hung, hang.Looks[any]{
		Paths: paths, Apart: "list", Workers: 1,
		Worker: func() (func(context.Context, int) any, func()) {
			return func(ctx context.Context, i int) any {
				reply, err := listOne(ctx, host, call.Items[i])
				return command.Result(reply, err, paths[i])
			}, func() {}
		},
		Hangs: func(i int, err error) any { return command.Failed(err, paths[i]) },
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return results, nil
}

func listOne(ctx context.Context, host *command.Host, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	path := a.Path()
	l := listing{ctx: ctx, host: host, recursive: a.Bool("recursive", false), limit: int(a.Int("limit", defaultLimit, wire.MaxInteger)), wanted: map[string]struct{}{}}
	for _, name := range a.Strings("contents") {
		l.wanted[name] = struct{}{}
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	return l.run(path)
}

// listed is an entry by its name below the directory. Of what is in it no more is known than was wanted.
type listed struct {
	name   string
	found  entry.Entry
	unread error
}

type listing struct {
	ctx       context.Context
	host      *command.Host
	recursive bool
	limit     int
	wanted    map[string]struct{} // names whose content is of interest
	entries   []listed
	unread    []string // of those that are wanted, what a glance did not tell
	size      int      // of all names
	truncated bool
}

func (l *listing) run(path string) (wire.Object, error) {
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
	if err := l.readContents(path); err != nil {
		return nil, err
	}
	entries := make(wire.Array, len(l.entries))
	for i, e := range l.entries {
		entries[i] = e.value(l.host)
	}
	state := digest.Of(wire.Append(nil, wire.Array{entries, l.truncated}))
	return wire.Object{wire.F("entries", entries), wire.F("state", state.String()), wire.F("truncated", l.truncated)}, nil
}

// readContents reads what is wanted and was not known already, several at a time.
func (l *listing) readContents(path string) error {
	if len(l.unread) == 0 {
		return l.ctx.Err()
	}
	type seen struct {
		found entry.Entry
		err   error
	}
	paths := make([]string, len(l.unread))
	for i, name := range l.unread {
		paths[i] = path + "/" + name
	}
	together := entry.Together()
	for n, one := range hang.Each(l.ctx, l.host.Hung, hang.Looks[seen]{
		Paths: paths, Apart: "content", Workers: command.Workers,
		Worker: func() (func(context.Context, int) seen, func()) {
			var dirs walk.Cache
			return func(ctx context.Context, n int) seen {
				ctx, cancel := together(ctx)
				defer cancel()
				found, err := l.content(ctx, &dirs, paths[n])
				return seen{found, err}
			}, dirs.Close
		},
		Hangs: func(_ int, err error) seen { return seen{err: err} },
	}) {
		i, _ := slices.BinarySearchFunc(l.entries, l.unread[n], func(e listed, name string) int { return strings.Compare(e.name, name) })
		if one.err == nil {
			l.entries[i].found = one.found
		} else {
			l.entries[i].unread = fault.From(one.err, paths[n])
		}
	}
	return l.ctx.Err()
}

func (l *listing) content(ctx context.Context, dirs *walk.Cache, path string) (entry.Entry, error) {
	dir, name, err := dirs.Parent(path)
	if err != nil {
		return entry.Entry{}, err
	}
	found, err := entry.Look(ctx, dir, name, content, l.host.Digests)
	if err == nil && found.Type == entry.Absent {
		err = syscall.ENOENT
	}
	return found, entry.Unread(err)
}

func (e *listed) value(host *command.Host) wire.Object {
	stat := &e.found.Stat
	value := make(wire.Object, 0, 11)
	if e.found.Digested {
		value = append(value, wire.F("digest", e.found.Digest.String()))
	}
	value = append(value, wire.F("gid", int64(stat.GID)), wire.F("group", host.Names.Group(stat.GID)))
	if stat.Immutable {
		value = append(value, wire.F("immutable", true))
	}
	value = append(value, wire.F("mode", entry.Mode(stat.Mode)))
	if e.found.MountedOn {
		value = append(value, wire.F("mountpoint", true))
	}
	value = append(value, wire.F("name", e.name), wire.F("owner", host.Names.User(stat.UID)))
	if e.found.Digested {
		value = append(value, wire.F("size", stat.Size))
	}
	if e.found.To != "" {
		value = append(value, wire.F("to", e.found.To))
	}
	value = append(value, wire.F("type", string(e.found.Type)), wire.F("uid", int64(stat.UID)))
	if e.unread != nil {
		value = append(value, wire.F("unread", e.unread.Error()))
	}
	return value
}

var content = entry.Wish{Digest: true}

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
		name, there, err := d.next()
		hang.GoesOn(l.ctx)
		if err != nil {
			return err
		}
		if name == "" {
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
		here := d.last()
		if l.host.Temps.Hides(here.dir, name, &there) {
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
		found := entry.Entry{Type: entry.TypeOf(there.Mode), Stat: there, MountedOn: there.MountRoot || there.Dev != dev && there.Is(syscall.S_IFDIR)}
		if _, wanted := l.wanted[prefix+name]; wanted {
			if glance, complete, err := entry.Glance(here.dir, name, content, l.host.Digests); err == nil && complete && glance.Type == found.Type {
				glance.MountedOn = found.MountedOn
				found = glance
			} else {
				l.unread = append(l.unread, prefix+name)
			}
		}
		l.entries = append(l.entries, listed{name: prefix + name, found: found})
		if !l.recursive || !there.Is(syscall.S_IFDIR) || found.MountedOn {
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
