package archive

import (
	"context"
	"errors"
	"io"
	"slices"

	"froyo.dev/runner/internal/blob"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const (
	// together is how many files are made durable at once, and how many bytes of them are held until then.
	together      = 500
	togetherBytes = 32 << 20
)

// unpacking is one archive that is to be at one path. What it does to files it has done by the commands that do so one by one: each name
// is put in place by a file that was complete before, and only where it is still what was seen.
type unpacking struct {
	rules
	host     *command.Host
	commands map[string]command.Command
	archive  digest.Sum
	limit    int64
}

type answer struct {
	ok  wire.Object
	err *fault.Fault
}

// ask runs a command of the runner itself.
func (u *unpacking) ask(ctx context.Context, name string, items []wire.Object) ([]answer, error) {
	if len(items) == 0 {
		return nil, nil
	}
	one := u.commands[name]
	results, err := one.Run(ctx, &command.Call{Items: items, Emit: func(string, wire.Object) {}})
	if err != nil {
		return nil, err
	}
	answers := make([]answer, len(results))
	for i, value := range results {
		if raw, is := value.(wire.Raw); is {
			value, _ = wire.Parse(raw)
		}
		result, _ := value.(wire.Object)
		if ok, there := result.Get("ok"); there {
			if raw, is := ok.(wire.Raw); is {
				ok, _ = wire.Parse(raw)
			}
			answers[i].ok, _ = ok.(wire.Object)
			continue
		}
		failed, _ := result.Get("error")
		object, _ := failed.(wire.Object)
		code, _ := object.Get("code")
		message, _ := object.Get("message")
		known, _ := code.(string)
		text, _ := message.(string)
		answers[i].err = &fault.Fault{Code: fault.Code(known), Message: text}
	}
	return answers, nil
}

// run does the same for what changes something: whether it has, and the first thing that went wrong, after everything was tried.
func (u *unpacking) run(ctx context.Context, name string, items []wire.Object) (changed bool, err error) {
	answers, err := u.ask(ctx, name, items)
	for _, one := range answers {
		if one.err != nil && err == nil {
			err = one.err
		}
		if did, _ := one.ok.Get("changed"); did == true {
			changed = true
		}
	}
	return changed, err
}

// listing gives what the archive has in it, all of which was read.
func (u *unpacking) listing(ctx context.Context, body *blob.Body) (*record, error) {
	t, err := members(ctx, body.At(), body.Size, u.limit, nil)
	if err != nil {
		return nil, err
	}
	return &record{archive: u.archive, members: t.sorted()}, nil
}

// apply does what a comparison says: what is to go, directories, links and attributes, and then contents, as they come from the archive.
func (u *unpacking) apply(ctx context.Context, c *comparison, body *blob.Body) (bool, error) {
	var removed, emptied, directories, links, attributes []wire.Object
	contents := map[string][]change{}
	for _, one := range c.changes {
		switch m := &one.member; {
		case one.purge && m.kind == entry.Directory:
			emptied = append(emptied, append(u.at(m.name), wire.F("recursive", true)))
		case one.purge:
			removed = append(removed, u.at(m.name))
		case m.kind == entry.Directory:
			directories = append(directories, u.dressed(&one))
		case m.kind == entry.Symlink:
			links = append(links, append(u.owned(&one), wire.F("to", m.to)))
		case one.content:
			contents[m.copyOf] = append(contents[m.copyOf], one)
		default:
			attributes = append(attributes, u.dressed(&one))
		}
	}
	changed := false
	for _, step := range []struct {
		name  string
		items []wire.Object
	}{
		{"file.remove", removed}, {"dir.remove", emptied}, {"dir.ensure", directories}, {"link.ensure", links}, {"file.write", attributes},
	} {
		did, err := u.run(ctx, step.name, step.items)
		if changed = changed || did; err != nil {
			return changed, err
		}
	}
	if len(contents) == 0 {
		return changed, nil
	}
	w := writer{unpacking: u, contents: contents}
	_, err := members(ctx, body.At(), body.Size, u.limit, func(m member, content io.Reader) error { return w.see(ctx, m, content) })
	if err == nil {
		err = w.flush(ctx)
	}
	w.forget()
	if err == nil && len(w.contents) > 0 {
		err = fault.New(fault.Changing, "%s: the archive is not what it was", u.path)
	}
	return changed || w.changed, err
}

func (u *unpacking) at(name string) wire.Object {
	path := u.path
	if name != "" {
		path += "/" + name
	}
	return wire.Object{wire.F("path", path)}
}

// owned is an item with what is expected there, and whose it is to be.
func (u *unpacking) owned(one *change) wire.Object {
	item := u.at(one.member.name)
	if one.there.state != "" {
		item = append(item, wire.F("expect", one.there.state))
	}
	if u.uid != command.Keep {
		item = append(item, wire.F("uid", int64(u.uid)))
	}
	if u.gid != command.Keep {
		item = append(item, wire.F("gid", int64(u.gid)))
	}
	return item
}

// dressed is one with the mode that it is to have, too: a change of owner takes bits of it away.
func (u *unpacking) dressed(one *change) wire.Object {
	mode := u.mode(&one.member)
	switch {
	case one.there.kind == one.member.kind && u.modeIsFine(&one.member, one.there.mode):
		mode = one.there.mode
	case one.member.name == "":
		mode = one.member.mode
	}
	return append(u.owned(one), wire.F("mode", entry.Mode(mode)))
}

// writer writes files as their contents come by.
type writer struct {
	*unpacking
	contents map[string][]change // by the name of what has the content
	items    []wire.Object
	held     []string // bodies of these
	bytes    int64
	changed  bool
}

func (w *writer) see(ctx context.Context, m member, content io.Reader) error {
	wanted := w.contents[m.name]
	if len(wanted) == 0 || m.kind != entry.File || m.size != wanted[0].member.size {
		return nil // of what is there twice, another one may be meant
	}
	name := wanted[0].member.digest.String()
	if !w.host.Blobs.Has(name) {
		err := w.host.Blobs.Receive(name, content, m.size)
		var other *blob.OtherContent
		if errors.As(err, &other) {
			return nil // so, too
		}
		if err != nil {
			return err
		}
		w.held = append(w.held, name)
		w.bytes += m.size
	}
	delete(w.contents, m.name)
	for _, one := range wanted {
		w.items = append(w.items, append(w.dressed(&one), wire.F("blob", name)))
	}
	if len(w.items) >= together || w.bytes >= togetherBytes {
		return w.flush(ctx)
	}
	return nil
}

func (w *writer) flush(ctx context.Context) error {
	did, err := w.run(ctx, "file.write", w.items)
	w.changed = w.changed || did
	w.items = nil
	w.forget()
	return err
}

func (w *writer) forget() {
	for _, name := range w.held {
		w.host.Blobs.Forget(name)
	}
	w.held, w.bytes = nil, 0
}

// taken is what is to go where nothing of the archive is to be there any more: files and links of its names, and then directories in which
// there is nothing else.
func (u *unpacking) taken(ctx context.Context, members []member) (gone, directories []wire.Object, differences []difference, err error) {
	items := make([]wire.Object, len(members))
	for i, m := range members {
		items[i] = append(u.at(m.name), wire.F("digest", false))
	}
	replies, err := u.ask(ctx, "file.stat", items)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, reply := range slices.Backward(replies) { // what is in a directory before it
		if reply.err != nil {
			if reply.err.Code == fault.NotDirectory || reply.err.Code == fault.NotFound {
				continue
			}
			return nil, nil, nil, reply.err
		}
		m := members[i]
		if foundIn(reply.ok).kind != m.kind {
			continue // somebody has put something else there
		}
		if m.kind == entry.Directory {
			directories = append(directories, u.at(m.name))
			continue
		}
		gone = append(gone, u.at(m.name))
		differences = append(differences, difference{m.name, "", string(m.kind), ""})
	}
	return gone, directories, differences, nil
}

// removeAll takes it away. A directory in which there is something else stays, and so does one that is mounted on, or is root's own.
func (u *unpacking) removeAll(ctx context.Context, gone, directories []wire.Object) (bool, error) {
	changed, err := u.run(ctx, "file.remove", gone)
	if err != nil {
		return changed, err
	}
	for _, directory := range directories {
		did, err := u.run(ctx, "dir.remove", []wire.Object{directory})
		changed = changed || did
		if err == nil {
			continue
		}
		if code := fault.From(err, u.path).Code; code != fault.NotEmpty && code != fault.MountPoint && code != fault.Immutable {
			return changed, err
		}
	}
	return changed, nil
}
