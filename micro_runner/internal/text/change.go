package text

import (
	"context"
	"errors"
	"io"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/files"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const (
	// maxText is how long a body may be that stands in the item itself.
	maxText = 64 << 10
	// maxTries is how often an edit is made anew because the file has changed between reading and replacing it.
	maxTries = 8
	// maxRounds is how often an edit may follow from itself: where a line that goes was all that kept the next one from being read otherwise.
	maxRounds = 4
)

// change makes edits one after another: each works on what the one before has left.
func change(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		item, err := withBody(host, item)
		if err != nil {
			return nil, err
		}
		// What goes needs no body, and is known by the name that a body has.
		digestIn := "blob"
		if command.Read(item).Bool("absent", false) {
			digestIn = "digest"
		}
		q, err := ask(item, digestIn)
		if err != nil {
			return nil, err
		}
		a := command.Read(item)
		c := changing{
			question: q, host: host, expect: a.Text("expect"),
			with: files.Replacement{Path: q.path, Mode: a.Mode(), Validate: a.Strings("validate"), Sensitive: a.Bool("sensitive", false)},
		}
		if err := a.Err(); err != nil {
			return nil, err
		}
		return c.run(ctx)
	})
}

// withBody puts the name of a body in the place of one that stands in the item itself.
func withBody(host *command.Host, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	text := []byte(a.Text("text"))
	if !a.Has("text") {
		return item, a.Err()
	}
	if a.Has("blob") || len(text) > maxText {
		a.Fail("text", "a content of at most 64 KiB, in the place of a blob")
	}
	sum := digest.Of(text).String()
	host.Blobs.Take(&frames.Blob{Digest: sum, Data: text, Last: true})
	return append(append(wire.Object{}, item...), wire.F("blob", sum), wire.F("size", int64(len(text)))), a.Err()
}

type changing struct {
	question
	host   *command.Host
	expect string
	with   files.Replacement
}

func (c *changing) run(ctx context.Context) (wire.Object, error) {
	for range maxTries {
		reply, err := c.try(ctx)
		var why *fault.Fault
		if !errors.As(err, &why) || why.Code != fault.Conflict || why == errMoved {
			return reply, err
		}
	}
	return nil, fault.New(fault.Changing, "%s kept changing while it was edited, %d times in a row", c.path, maxTries)
}

var errMoved = fault.New(fault.Conflict, "what the edit is about has changed meanwhile")

// try makes the edit on what is there now, and puts it in place if that still is what is there.
func (c *changing) try(ctx context.Context) (wire.Object, error) {
	dir, name, err := walk.Parent(c.path)
	if err != nil {
		if code := fault.From(err, c.path).Code; c.edit.absent && (code == fault.NotFound || code == fault.NotDirectory) {
			return wire.Object{wire.F("changed", false)}, nil
		}
		return nil, err
	}
	defer dir.Close()
	found, d, err := load(ctx, c.host, dir, name, c.path)
	if err != nil {
		return nil, err
	}
	if found.Type == entry.Absent && !c.edit.absent && !c.create {
		return nil, fault.New(fault.NotFound, "%s does not exist", c.path)
	}
	if found.Type == entry.File {
		c.with.Mode = command.Keep // it is for a new file only
	}
	p, problem := c.edit.on(d)
	if problem != nil {
		return nil, fault.New(problem.Code, "%s: %s", c.path, problem.Message)
	}
	if p.empty() {
		return wire.Object{wire.F("changed", false)}, nil
	}
	if c.expect != "" && p.state(d) != c.expect {
		return nil, errMoved
	}
	if c.with.Content, err = c.settle(d, p); err != nil {
		return nil, err
	}
	c.with.Expect = found.State()
	if err := files.Replace(ctx, c.host, c.with); err != nil {
		return nil, err
	}
	return wire.Object{wire.F("changed", true)}, nil
}

// settle makes the edit until there is nothing left of it to be made.
func (c *changing) settle(d *document, p patch) ([]byte, error) {
	fresh, err := c.fresh()
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		content := p.apply(d, fresh).bytes()
		if len(content) > maxContent {
			return nil, fault.New(fault.WrongType, "%s would have more than %d MiB", c.path, maxContent>>20)
		}
		if d, err = parse(content); err != nil {
			return nil, fault.New(fault.WrongType, "%s: with this edit, %s", c.path, err)
		}
		var problem *fault.Fault
		if p, problem = c.edit.on(d); problem != nil {
			return nil, fault.New(problem.Code, "%s: after this edit, %s", c.path, problem.Message)
		}
		if p.empty() {
			return content, nil
		}
	}
	return nil, fault.New(fault.BadRequest, "%s: this edit would have to be made again and again", c.path)
}

// fresh are the lines that the edit puts there.
func (c *changing) fresh() ([][]byte, error) {
	if c.edit.absent {
		return nil, nil
	}
	content := []byte{}
	if c.edit.body.size > 0 {
		body, err := c.host.Blobs.Open(c.edit.body.sum.String())
		if err != nil {
			return nil, err
		}
		defer c.host.Blobs.Close(body)
		if body.Size != c.edit.body.size {
			return nil, fault.New(fault.BadRequest, "%s: the body has %d bytes, not %d", c.path, body.Size, c.edit.body.size)
		}
		content = make([]byte, body.Size)
		if _, err := body.At().ReadAt(content, 0); err != nil && err != io.EOF {
			return nil, err
		}
	}
	return c.edit.fresh(content)
}
