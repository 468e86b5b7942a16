// Package archive is the commands archive.look, archive.unpack, archive.fetch and archive.take: what is in an archive is at a path, and stays so.
//
// Invariants: nothing is written before the whole archive has been read, has the declared digest, and has nothing in it that is refused; what
// is in it was on record before. Every name is put in place by the commands that do it for one file, which follow no link that somebody else
// could have put there. Memory is bounded by the number of members, whatever their size.
package archive

import (
	"context"
	"strconv"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/dirs"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/files"
	"froyo.dev/runner/internal/links"
	"froyo.dev/runner/internal/wire"
)

const (
	shown = 100
	// watched is how many directories of a tree are named, so that they can be watched.
	watched = 1000
)

// Commands is the family, for one session.
func Commands(host *command.Host) []command.Command { return commands(host, newRecords()) }

func commands(host *command.Host, kept *records) []command.Command {
	f := newFamily(host, kept)
	each := func(one func(context.Context, wire.Object) (wire.Object, error)) func(context.Context, *command.Call) (wire.Array, error) {
		return func(ctx context.Context, call *command.Call) (wire.Array, error) {
			host.Names.Refresh()
			return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(ctx, item) })
		}
	}
	return []command.Command{
		{Name: "archive.look", Names: command.Path, Replays: true, Run: each(f.look)},
		{Name: "archive.unpack", Names: command.Path, Writes: true, Run: each(f.unpack)},
		{Name: "archive.take", Names: command.Path, Writes: true, Run: each(func(ctx context.Context, item wire.Object) (wire.Object, error) { return take(ctx, host, item) })},
		{Name: "archive.fetch", Names: []command.Names{{Argument: "url", Scheme: "url"}}, Writes: true, Run: each(func(ctx context.Context, item wire.Object) (wire.Object, error) {
			return fetch(ctx, host, item)
		})},
	}
}

type family struct {
	host     *command.Host
	records  *records
	commands map[string]command.Command
}

func newFamily(host *command.Host, kept *records) *family {
	f := &family{host: host, records: kept, commands: map[string]command.Command{}}
	for _, some := range [][]command.Command{files.Commands(host), dirs.Commands(host), links.Commands(host)} {
		for _, one := range some {
			f.commands[one.Name] = one
		}
	}
	return f
}

type question struct {
	unpacking
	absent  bool
	any     bool // whatever is on record
	fetches bool
	expect  string
}

func (f *family) read(item wire.Object) (*question, error) {
	a := command.Read(item)
	q := &question{absent: a.Bool("absent", false), fetches: a.Bool("fetches", false), expect: a.Text("expect")}
	q.host, q.commands, q.limit = f.host, f.commands, a.Int("limit", 0, wire.MaxInteger)
	var there bool
	q.archive, there = a.Digest("archive")
	q.any = q.absent || !there
	q.rules = rules{
		path: a.Path(), strip: int(a.Int("strip", 0, 100)), include: readGlobs(a, "include"), except: readGlobs(a, "except"),
		spared: map[string]bool{}, fileMode: readMode(a, "file_mode"), dirsMode: readMode(a, "directory_mode"),
		setID: a.Bool("setuid", false), purge: a.Bool("purge", false),
	}
	for _, name := range a.Strings("spared") {
		q.spared[name] = true
	}
	q.uid, q.gid = a.Owner(f.host.Names)
	return q, a.Err()
}

func readMode(a *command.Arguments, field string) int {
	text := a.Text(field)
	if text == "" {
		return command.Keep
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o7777 {
		a.Fail(field, "not up to four octal digits")
	}
	return int(mode)
}

func (f *family) look(ctx context.Context, item wire.Object) (wire.Object, error) {
	q, err := f.read(item)
	if err != nil {
		return nil, err
	}
	record, err := f.records.load(ctx, f.host, q.path)
	if err != nil {
		return nil, err
	}
	known := record != nil && (q.any || record.archive == q.archive)
	reply := wire.Object{wire.F("known", known)}
	if record != nil && !known {
		reply = append(reply, wire.F("before", record.archive.String()))
	}
	if why, places := execute.Lacks("curl", "/", nil); why != nil && q.fetches {
		subjects := []string{"package:curl"}
		for _, place := range places {
			subjects = append(subjects, "path:"+place)
		}
		reply = append(reply, wire.F("obstacles", wire.Array{why.About(subjects...)}))
	}
	if !known {
		return reply, nil
	}
	members, err := q.chosen(record.members)
	if err != nil {
		return nil, err
	}
	if q.absent {
		_, _, differences, err := q.taken(ctx, members)
		return append(reply, told(differences, "")...), err
	}
	c, err := q.compare(ctx, members)
	if err != nil {
		return nil, err
	}
	if c.refused != nil {
		return nil, c.refused
	}
	directories := wire.Array{}
	for _, m := range members {
		if m.kind == entry.Directory && len(directories) < watched {
			directories = append(directories, m.name)
		}
	}
	reply = append(reply, wire.F("directories", directories), wire.F("lost", int64(c.lost)))
	if len(c.differences) > 0 && f.records.unfinished(q.path) {
		reply = append(reply, wire.F("unfinished", true))
	}
	return append(reply, told(c.differences, c.state())...), nil
}

// told shows differences, the first of them.
func told(differences []difference, state string) wire.Object {
	some := wire.Array{}
	for _, d := range differences[:min(len(differences), shown)] {
		some = append(some, wire.Array{d.name, d.field, d.before, d.after})
	}
	reply := wire.Object{wire.F("differs", some), wire.F("total", int64(len(differences)))}
	if state != "" {
		reply = append(reply, wire.F("changes", state))
	}
	return reply
}

func (f *family) unpack(ctx context.Context, item wire.Object) (wire.Object, error) {
	q, err := f.read(item)
	if err != nil {
		return nil, err
	}
	record, err := f.records.load(ctx, f.host, q.path)
	if err != nil {
		return nil, err
	}
	if q.absent {
		return f.remove(ctx, q, record)
	}
	body, err := f.host.Blobs.Open(q.archive.String())
	if err != nil {
		return nil, err
	}
	defer f.host.Blobs.Close(body)
	fresh := record == nil || record.archive != q.archive
	made := record != nil && record.made
	if fresh {
		if record, err = q.listing(ctx, body); err != nil {
			return nil, err
		}
	}
	members, err := q.chosen(record.members)
	if err != nil {
		return nil, err
	}
	c, err := q.compare(ctx, members)
	if err == nil {
		err = c.refused
	}
	if err != nil {
		return nil, err
	}
	if q.expect != "" && c.state() != q.expect {
		return nil, fault.New(fault.Conflict, "%s is not as expected", q.path)
	}
	if !fresh && len(c.changes) == 0 && !f.records.unfinished(q.path) {
		return wire.Object{wire.F("changed", false)}, nil
	}
	if err := f.records.begin(ctx, &q.unpacking); err != nil {
		return nil, err
	}
	if fresh {
		record.made = made || c.top
		if err := f.records.save(ctx, &q.unpacking, record); err != nil {
			return nil, err
		}
	}
	changed, err := q.apply(ctx, c, body)
	if err == nil {
		err = f.records.end(ctx, &q.unpacking)
	}
	return wire.Object{wire.F("changed", changed || fresh)}, err
}

func (f *family) remove(ctx context.Context, q *question, record *record) (wire.Object, error) {
	if record == nil {
		return wire.Object{wire.F("changed", false)}, nil
	}
	members, err := q.chosen(record.members)
	if err != nil {
		return nil, err
	}
	gone, directories, _, err := q.taken(ctx, members)
	if err != nil {
		return nil, err
	}
	if record.made {
		directories = append(directories, q.at(""))
	}
	if _, err := q.removeAll(ctx, gone, directories); err != nil {
		return nil, err
	}
	return wire.Object{wire.F("changed", true)}, f.records.remove(ctx, &q.unpacking)
}
