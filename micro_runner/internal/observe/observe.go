// Package observe is the command observe: a remembered batch of reading commands, of which only a digest comes back while
// nothing changes.
//
// Invariant: a digest is given only for replies that have just been gathered, and nothing but reading is ever done.
package observe

import (
	"context"
	"sync"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// maxRemembered bounds the batches of a session; a controller has one, or a few.
const maxRemembered = 256

type step struct {
	command command.Command
	items   []wire.Object
}

type memory struct {
	commands map[string]command.Command

	mu      sync.Mutex
	batches map[string][]step
	recent  []string // keys, the least recently used first
}

// Commands is `observe`, over the commands that may be replayed.
func Commands(all []command.Command) []command.Command {
	m := &memory{commands: map[string]command.Command{}, batches: map[string][]step{}}
	for _, c := range all {
		if c.Replays {
			m.commands[c.Name] = c
		}
	}
	return []command.Command{{Name: "observe", Run: m.run}}
}

func (m *memory) run(ctx context.Context, call *command.Call) (wire.Array, error) {
	if len(call.Items) != 1 {
		return nil, fault.New(fault.BadRequest, "observe has exactly one item")
	}
	reply, err := m.observe(ctx, call.Options)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return wire.Array{command.Result(reply, err, "observe")}, nil
}

func (m *memory) observe(ctx context.Context, options wire.Object) (wire.Object, error) {
	a := command.Read(options)
	key, known := a.Text("key"), a.Text("digest")
	if key == "" {
		a.Fail("key", "is missing")
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	batch, err := m.batch(key, options)
	if err != nil {
		return nil, err
	}
	replies := []byte{'['}
	for i, step := range batch {
		results, err := step.command.Run(ctx, &command.Call{Items: step.items})
		if err != nil {
			return nil, err
		}
		if i > 0 {
			replies = append(replies, ',')
		}
		replies = wire.Append(replies, results)
	}
	replies = append(replies, ']')
	sum := digest.Of(replies).String()
	if sum == known {
		return wire.Object{wire.F("digest", sum), wire.F("unchanged", true)}, nil
	}
	return wire.Object{wire.F("digest", sum), wire.F("replies", wire.Raw(replies))}, nil
}

// batch gives the batch that comes with the options, and remembers it, or the one that is remembered.
func (m *memory) batch(key string, options wire.Object) ([]step, error) {
	value, _ := options.Get("batch")
	m.mu.Lock()
	defer m.mu.Unlock()
	if value == nil {
		batch, ok := m.batches[key]
		if !ok {
			return nil, fault.New(fault.UnknownKey, "no batch is remembered under %q", key)
		}
		m.touch(key)
		return batch, nil
	}
	list, ok := value.(wire.Array)
	if !ok {
		return nil, fault.New(fault.BadRequest, "batch: not a list")
	}
	batch := make([]step, len(list))
	for i, element := range list {
		var err error
		if batch[i], err = m.step(element); err != nil {
			return nil, err
		}
	}
	m.batches[key] = batch
	m.touch(key)
	return batch, nil
}

func (m *memory) step(element any) (step, error) {
	object, _ := element.(wire.Object)
	name, _ := object.Get("command")
	text, _ := name.(string)
	found, ok := m.commands[text]
	if !ok {
		return step{}, fault.New(fault.BadRequest, "batch: %q cannot be part of an observation", text)
	}
	value, _ := object.Get("items")
	list, ok := value.(wire.Array)
	items := make([]wire.Object, len(list))
	for i, element := range list {
		item, is := element.(wire.Object)
		items[i], ok = item, ok && is
	}
	if !ok {
		return step{}, fault.New(fault.BadRequest, "batch: items is not a list of objects")
	}
	return step{found, items}, nil
}

// touch notes the use of a key and forgets the one that has not been used for longest.
func (m *memory) touch(key string) {
	for i, other := range m.recent {
		if other == key {
			m.recent = append(m.recent[:i], m.recent[i+1:]...)
			break
		}
	}
	m.recent = append(m.recent, key)
	if len(m.recent) > maxRemembered {
		delete(m.batches, m.recent[0])
		m.recent = m.recent[1:]
	}
}
