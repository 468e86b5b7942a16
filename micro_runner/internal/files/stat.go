// Package files is the commands file.stat, file.read, file.write and file.remove.
//
// Invariant: nobody ever sees half of a content at a path, and what is not as expected is not touched.
package files

import (
	"context"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/obstacle"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command {
	known := newReplies()
	return []command.Command{
		{Name: "file.stat", Names: []command.Names{{Argument: "path", Scheme: "path", Suffix: "backup"}}, Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return stat(ctx, host, known, call) }},
		{Name: "file.read", Names: command.Path, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return read(ctx, host, call) }},
		{Name: "file.write", Names: []command.Names{{Argument: "path", Scheme: "path", Suffix: "backup"}}, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return write(ctx, host, call) }},
		{Name: "digests.forget", Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) { host.Digests.Forget(); return wire.Object{}, nil })
		}},
		{Name: "file.remove", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return remove(ctx, host, call) }},
	}
}

type look struct {
	path   string
	wish   entry.Wish
	wanted *obstacle.Wanted // nil: nothing is
	times  bool
}

func lookFor(item wire.Object) (look, error) {
	a := command.Read(item)
	l := look{path: a.Path(), times: a.Bool("times", false), wish: entry.Wish{
		Digest: a.Bool("digest", true), TextMax: a.Int("text_max", 0, wire.MaxInteger), Private: a.Bool("private", false),
	}}
	if l.wanted = obstacle.Read(a); l.wanted != nil {
		l.wish.Unless, l.wish.Known = l.wanted.Digest, l.wanted.HasDigest
	}
	return l, a.Err()
}

// obstacles notes what keeps a name in a directory from being what is wanted, and what that would cost it.
func (l *look) obstacles(ctx context.Context, dir sys.FD, name string, found *entry.Entry, host *command.Host) {
	if l.wanted != nil {
		found.Obstacles = l.wanted.At(ctx, dir, name, l.path, found, host.Names)
		found.Loses = l.wanted.Loses(dir, name, found, host.Names)
	}
}

// seen is what came of an item.
type seen struct {
	result any
	entry  *entry.Entry // whose text may be left out
	unread bool         // it has to be read first
}

// stat glances at everything first, one after another: what is remembered costs one system call. What has to be read is
// read by several at a time.
func stat(ctx context.Context, host *command.Host, known *replies, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	found := glances(ctx, host, known, call)
	var unread []int
	for i, one := range found {
		if one.unread {
			unread = append(unread, i)
		}
	}
	for n, one := range closeLooks(ctx, host, call, unread) {
		found[unread[n]] = one
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	results := make(wire.Array, len(found))
	// What users put into their files does not decide how large a frame becomes. In the order of the items, so that an equal world gives
	// an equal reply.
	room := maxTexts
	for i, one := range found {
		results[i] = one.result
		if one.entry == nil || !one.entry.WithText {
			continue
		}
		if room -= cost(one.entry.Text); room < 0 {
			one.entry.Text, one.entry.WithText = "", false
			results[i] = command.OK(one.entry.Reply(host.Names))
		}
	}
	return results, nil
}

// glances looks at all items without reading any content.
func glances(ctx context.Context, host *command.Host, known *replies, call *command.Call) []seen {
	paths := make([]string, len(call.Items))
	for i, item := range call.Items {
		paths[i] = command.Read(item).Text("path")
	}
	return hang.Each(ctx, host.Hung, hang.Looks[seen]{
		Paths: paths, Apart: "glance", Workers: 1,
		Worker: func() (func(context.Context, int) seen, func()) {
			cache := &walk.Cache{}
			return func(ctx context.Context, i int) seen { return glance(ctx, host, known, cache, call.Items[i]) }, cache.Close
		},
		Hangs: func(i int, err error) seen { return seen{result: command.Failed(err, paths[i])} },
	})
}

func glance(ctx context.Context, host *command.Host, known *replies, cache *walk.Cache, item wire.Object) seen {
	l, err := lookFor(item)
	if err != nil {
		return seen{result: l.failed(err, host)}
	}
	dir, name, err := cache.Parent(l.path)
	if err != nil {
		return seen{result: l.failed(err, host)}
	}
	found, complete, err := entry.Glance(dir, name, l.wish, host.Digests)
	if err != nil {
		return seen{result: l.failed(err, host)}
	}
	if !complete {
		return seen{unread: true}
	}
	l.obstacles(ctx, dir, name, &found, host)
	found.Timed = l.times
	if found.Type == entry.File && found.Digested && !found.WithText && !found.Timed && found.Obstacles == nil && found.Loses == nil {
		return seen{result: known.of(l.path, &found, host.Names)}
	}
	return seen{result: command.OK(found.Reply(host.Names)), entry: &found}
}

// closeLooks reads what has to be read of some items.
func closeLooks(ctx context.Context, host *command.Host, call *command.Call, items []int) []seen {
	looks := make([]look, len(items))
	paths := make([]string, len(items))
	for n, i := range items {
		looks[n], _ = lookFor(call.Items[i])
		paths[n] = looks[n].path
	}
	together := entry.Together()
	return hang.Each(ctx, host.Hung, hang.Looks[seen]{
		Paths: paths, Apart: "content", Workers: command.Workers,
		Worker: func() (func(context.Context, int) seen, func()) {
			cache := &walk.Cache{}
			return func(ctx context.Context, n int) seen {
				ctx, cancel := together(ctx)
				defer cancel()
				found, err := looks[n].closely(ctx, host, cache)
				if err != nil {
					return seen{result: looks[n].failed(entry.Unread(err), host)}
				}
				return seen{result: command.OK(found.Reply(host.Names)), entry: &found}
			}, cache.Close
		},
		Hangs: func(n int, err error) seen { return seen{result: command.Failed(err, paths[n])} },
	})
}

// maxTexts is how many bytes all texts of one command may cost in a frame.
const maxTexts = 4 << 20

// cost is how many bytes a text takes in JSON, at most.
func cost(text string) int {
	bytes := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c == 0x7f:
			bytes += 5
		case c == '"', c == '\\':
			bytes++
		}
	}
	return bytes
}

// closely looks at a path, and into what is there.
func (l *look) closely(ctx context.Context, host *command.Host, cache *walk.Cache) (entry.Entry, error) {
	dir, name, err := cache.Parent(l.path)
	if err != nil {
		return entry.Entry{}, err
	}
	found, err := entry.Look(ctx, dir, name, l.wish, host.Digests)
	if err == nil {
		l.obstacles(ctx, dir, name, &found, host)
		found.Timed = l.times
	}
	return found, err
}

// failed: below what is missing, or is no directory, there is nothing.
func (l *look) failed(err error, host *command.Host) wire.Object {
	failure := fault.From(err, l.path)
	if failure.Code != fault.NotFound && failure.Code != fault.NotDirectory {
		return command.Failed(failure, l.path)
	}
	absent := entry.Entry{Type: entry.Absent}
	if l.wanted != nil {
		absent.Obstacles = l.wanted.Missing(l.path, failure, host.Names)
	}
	return command.OK(absent.Reply(host.Names))
}
