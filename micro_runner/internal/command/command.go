// Package command is what every command has in common: its call, its items, its results, and what it may use.
package command

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"froyo.dev/runner/internal/blob"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/own"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/wire"
)

// Command is one thing that a controller can ask for.
type Command struct {
	Name string
	// Names says which arguments of an item name subjects.
	Names []Names
	// Writes: commands that name the same subject run one after another.
	Writes bool
	// Replays: may be part of an observation.
	Replays bool
	// Lasts: an item with an id is done without the session, once, and its result is kept under that id (package operation).
	Lasts bool
	// Aside is what the session notes while another process is at such an item, until what it gives is called; nil for nothing.
	Aside func(item wire.Object) (end func())
	// Run gives a result for each item, or fails as a whole.
	Run func(ctx context.Context, call *Call) (wire.Array, error)
}

// Names is an argument that names a subject.
type Names struct {
	Argument string
	Scheme   string
	// Suffix is the argument with what is put behind that name for one more subject, if there is one.
	Suffix string
}

// Path is the argument of all that is about a path.
var Path = []Names{{Argument: "path", Scheme: "path"}}

// Subjects are all that some items name, such as path:/etc/motd.
func (c *Command) Subjects(items []wire.Object) []string {
	var subjects []string
	for _, item := range items {
		for _, names := range c.Names {
			name := Text(item, names.Argument)
			if name == "" {
				continue
			}
			subjects = append(subjects, names.Scheme+":"+name)
			if suffix := Text(item, names.Suffix); suffix != "" {
				subjects = append(subjects, names.Scheme+":"+name+suffix)
			}
		}
	}
	return subjects
}

// Text is an argument that is a text, and "" where it is none.
func Text(item wire.Object, argument string) string {
	value, _ := item.Get(argument)
	text, _ := value.(string)
	return text
}

// Call is one use of a command.
type Call struct {
	ID      int64
	Items   []wire.Object
	Options wire.Object
	// Emit sends an event, as long as the command is under way.
	Emit func(event string, data wire.Object)
}

// Host is what the commands of a session share.
type Host struct {
	Names   *owner.Names
	Digests *digest.Memory
	Blobs   *blob.Store
	Temps   *temp.Workshop
	Own     *own.Writes
	Hung    *hang.Places
	Systemd *systemd.Managers
}

// OK is the result of an item that succeeded.
func OK(reply wire.Object) wire.Object { return wire.Object{wire.F("ok", reply)} }

// Failed is the result of an item that did not.
func Failed(err error, subject string) wire.Object {
	return wire.Object{wire.F("error", fault.From(err, subject).Value())}
}

// Result is one or the other.
func Result(reply wire.Object, err error, subject string) wire.Object {
	if err != nil {
		return Failed(err, subject)
	}
	return OK(reply)
}

// Workers is how many items of one command are worked on at a time: they wait for the disk more than they compute.
var Workers = 4 * runtime.GOMAXPROCS(0)

// Each runs a function for 0 … n-1, several at a time, until the context ends.
func Each(ctx context.Context, n int, function func(i int)) error {
	if n == 1 {
		if ctx.Err() == nil {
			function(0)
		}
		return ctx.Err()
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(Workers, n) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				function(i)
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// InOrder runs a function for each item and collects the results, one after another, until the context ends.
func InOrder(ctx context.Context, items []wire.Object, function func(item wire.Object) (wire.Object, error)) (wire.Array, error) {
	results := make(wire.Array, 0, len(items))
	for _, item := range items {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		reply, err := function(item)
		if err != nil && ctx.Err() != nil { // that may be why
			return nil, ctx.Err()
		}
		results = append(results, Result(reply, err, Text(item, "path")))
	}
	return results, nil
}
