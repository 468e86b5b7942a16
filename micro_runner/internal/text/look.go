package text

import (
	"context"
	"sync"
	"unicode/utf8"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/obstacle"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// maxContent is the largest file of which a line is edited, in bytes.
const maxContent = 4 << 20

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command {
	known := &settled{replies: map[string]wire.Raw{}}
	return []command.Command{
		{Name: "text.look", Names: command.Path, Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return look(ctx, host, known, call) }},
		{Name: "text.edit", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) { return change(ctx, host, call) }},
	}
}

func look(ctx context.Context, host *command.Host, known *settled, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	paths := make([]string, len(call.Items))
	for i, item := range call.Items {
		paths[i] = command.Read(item).Text("path")
	}
	together := entry.Together()
	results := hang.Each(ctx, host.Hung, hang.Looks[any]{
		Paths: paths, Apart: "text", Workers: command.Workers,
		Worker: func() (func(context.Context, int) any, func()) {
			return func(ctx context.Context, i int) any {
				ctx, cancel := together(ctx)
				defer cancel()
				reply, err := lookOne(ctx, host, known, call.Items[i])
				if err != nil {
					return command.Failed(entry.Unread(err), paths[i])
				}
				return wire.Object{wire.F("ok", reply)}
			}, func() {}
		},
		Hangs: func(i int, err error) any { return command.Failed(err, paths[i]) },
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return results, nil
}

// question is an item of either command.
type question struct {
	path    string
	edit    edit
	create  bool
	textMax int64
	private bool
	wanted  *obstacle.Wanted // a file with another content
}

func ask(item wire.Object, digestIn string) (question, error) {
	a := command.Read(item)
	q := question{
		path: a.Path(), edit: read(a, digestIn), create: a.Bool("create", false),
		textMax: a.Int("text_max", 0, wire.MaxInteger), private: a.Bool("private", false),
	}
	// Of the new content no more is known than that it is another one.
	with := wire.Object{wire.F("wanted", wire.Object{wire.F("type", string(entry.File)), wire.F("digest", digest.Sum{}.String())})}
	if a.Has("validate") {
		validate, _ := item.Get("validate")
		with = append(with, wire.F("validate", validate))
	}
	wanted := command.Read(with)
	q.wanted = obstacle.Read(wanted)
	if err := wanted.Err(); err != nil {
		a.Fail("validate", err.Error())
	}
	return q, a.Err()
}

func lookOne(ctx context.Context, host *command.Host, known *settled, item wire.Object) (any, error) {
	q, err := ask(item, "digest")
	if err != nil {
		return nil, err
	}
	dir, name, err := walk.Parent(q.path)
	if err != nil {
		return q.nowhere(err, host)
	}
	defer dir.Close()
	key := known.key(item, dir, name, host)
	if reply := known.get(key); reply != nil {
		return reply, nil
	}
	found, d, err := load(ctx, host, dir, name, q.path)
	if err != nil {
		return nil, err
	}
	p, problem := q.edit.on(d)
	if found.Type == entry.Absent && !q.edit.absent && !q.create {
		problem = fault.New(fault.NotFound, "%s does not exist; create: true makes it", q.path)
	}
	reply := wire.Object{wire.F("exists", found.Type == entry.File), wire.F("there", p.there)}
	if found.Type == entry.File {
		reply = append(reply, wire.F("mode", entry.Mode(found.Stat.Mode)))
	}
	if len(p.other) > 0 {
		reply = append(reply, wire.F("others", int64(len(p.other))))
	}
	if problem == nil && p.empty() {
		known.put(key, reply)
		return reply, nil
	}
	obstacles := q.wanted.At(ctx, dir, name, q.path, &found, host.Names)
	if problem != nil {
		obstacles = append(wire.Array{about(problem, q.path)}, obstacles...)
	}
	if len(obstacles) > 0 {
		reply = append(reply, wire.F("obstacles", obstacles))
	}
	if taken := p.taken(d); len(taken) > 0 {
		reply = append(reply, wire.F("before", q.told(taken, found.Stat.Mode)))
	}
	return append(reply, wire.F("edit", p.state(d)), wire.F("puts", p.puts)), nil
}

// told is what goes; its text where somebody wants it, and it is nobody's secret.
func (q *question) told(taken []line, mode uint32) wire.Object {
	sum, text := describe(taken)
	told := wire.Object{wire.F("digest", sum.String()), wire.F("size", int64(len(text)))}
	if int64(len(text)) <= q.textMax && (q.private || mode&0o077 != 0) && utf8.Valid(text) {
		told = append(told, wire.F("text", string(text)))
	}
	return told
}

// about says what is in the way of an edit: another text may be as it has to be.
func about(problem *fault.Fault, path string) wire.Object {
	if problem.Code == fault.NoPlace {
		problem = fault.New(problem.Code, "%s: %s", path, problem.Message)
	}
	return problem.About("path:" + path)
}

// nowhere: below what is missing, or is no directory, there is no file.
func (q *question) nowhere(err error, host *command.Host) (wire.Object, error) {
	why := fault.From(err, q.path)
	if why.Code != fault.NotFound && why.Code != fault.NotDirectory {
		return nil, why
	}
	reply := wire.Object{wire.F("exists", false), wire.F("there", false)}
	if q.edit.absent {
		return reply, nil
	}
	return append(reply, wire.F("edit", (&patch{puts: true}).state(&document{})), wire.F("obstacles", q.wanted.Missing(q.path, why, host.Names)), wire.F("puts", true)), nil
}

// load reads a file as lines; one that does not exist has none.
func load(ctx context.Context, host *command.Host, dir sys.FD, name, path string) (entry.Entry, *document, error) {
	found, err := entry.Look(ctx, dir, name, entry.Wish{Digest: true, Bytes: maxContent}, host.Digests)
	if err != nil {
		return found, nil, err
	}
	switch found.Type {
	case entry.Absent:
		return found, &document{}, nil
	case entry.File:
	case entry.Directory:
		return found, nil, fault.New(fault.IsDirectory, "%s is a directory", path)
	case entry.Symlink:
		return found, nil, fault.New(fault.WrongType, "%s is a symbolic link to %s; name the file itself", path, found.To)
	default:
		return found, nil, fault.New(fault.WrongType, "%s is not a regular file", path)
	}
	if found.Content == nil && found.Stat.Size > 0 {
		return found, nil, fault.New(fault.WrongType, "%s has %d bytes; no line is edited in a file of more than %d MiB", path, found.Stat.Size, maxContent>>20)
	}
	d, err := parse(found.Content)
	if err != nil {
		return found, nil, fault.New(fault.WrongType, "%s: %s", path, err)
	}
	return found, d, nil
}

// maxSettled bounds the memory of replies, to some 10 MB.
const maxSettled = 20_000

// settled remembers the replies of looks that found nothing to do. In a world that stands still nothing is read again.
//
// Invariant: a reply is given again only to the very same question about the very same inode, with a digest that is still known for certain.
type settled struct {
	mu      sync.Mutex
	replies map[string]wire.Raw
}

// key is what decides the reply; "" where that is not known without reading.
func (s *settled) key(item wire.Object, dir sys.FD, name string, host *command.Host) string {
	found, complete, err := entry.Glance(dir, name, entry.Wish{Digest: true}, host.Digests)
	if err != nil || !complete || found.Type != entry.File {
		return ""
	}
	return digest.Of(wire.Append(nil, wire.Array{item, found.State()})).String()
}

func (s *settled) get(key string) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply, ok := s.replies[key]; ok {
		return reply
	}
	return nil
}

func (s *settled) put(key string, reply wire.Object) {
	if key == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) >= maxSettled {
		clear(s.replies)
	}
	s.replies[key] = wire.Append(nil, reply)
}
