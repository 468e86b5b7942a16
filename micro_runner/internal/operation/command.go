// Package operation is what must not be cut in half, and not be done twice: commands that run to their end whatever becomes of the session,
// and whose result can be had by another one.
//
// An operation has a name, which is that of a directory (0700, below one of the runner's user). In it are what is to be done (`spec`, until it is begun), a lock that its
// carrier holds as long as it is alive, and in the end the `result`. The carrier is this same program (`runner operation DIRECTORY`): a transient unit of systemd where that is to be had, so that nothing which ends the session's own unit ends it; else a process of a
// session of its own.
//
// Invariant: of one name at most one runs, and of those that are to be alone with each other, too. A result is given to whoever asks for that name, until it is forgotten.
package operation

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/private"
	"froyo.dev/runner/internal/wire"
)

const (
	// kept is for how long the result of what nobody asked for any more is kept.
	kept = 24 * time.Hour
	// glance and longestGlance are the first and the longest pause of somebody who waits, between two looks whether it is there.
	glance        = 2 * time.Millisecond
	longestGlance = 50 * time.Millisecond
)

// Commands is `exec.forget`.
func Commands() []command.Command {
	return []command.Command{{Name: "exec.forget", Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
		return command.InOrder(ctx, call.Items, forget)
	}}}
}

// Apart gives the commands as a session has them: of those that last, items with an id are done by a carrier.
func Apart(all []command.Command) []command.Command {
	apart := make([]command.Command, len(all))
	for i, one := range all {
		apart[i] = one
		if one.Lasts {
			apart[i].Run = func(ctx context.Context, call *command.Call) (wire.Array, error) { return parted(ctx, &one, call) }
		}
	}
	return apart
}

// parted does the items that have an id each by a carrier of its own, and the others in one go, as they are.
func parted(ctx context.Context, of *command.Command, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	var here []wire.Object
	var places, there []int
	for i, item := range call.Items {
		if _, named := item.Get("id"); named {
			there = append(there, i)
		} else {
			here, places = append(here, item), append(places, i)
		}
	}
	err := command.Each(ctx, len(there), func(n int) {
		item := call.Items[there[n]]
		if of.Aside != nil {
			defer of.Aside(item)()
		}
		result, err := run(ctx, of.Name, item)
		if err != nil {
			result = command.Failed(err, "")
		}
		results[there[n]] = result
	})
	if err != nil || len(here) == 0 {
		return results, err
	}
	done, err := of.Run(ctx, &command.Call{ID: call.ID, Items: here, Options: call.Options, Emit: call.Emit})
	if err != nil {
		return nil, err
	}
	for n, i := range places {
		results[i] = done[n]
	}
	return results, nil
}

func named(item wire.Object) (string, error) {
	name := command.Read(item).Text("id")
	if !command.IsID(name) {
		return "", fault.New(fault.BadRequest, "id: not a name of an operation")
	}
	base, err := private.Directory("op")
	return filepath.Join(base, name), err
}

// run starts an operation, unless it is under way or has a result already, and waits for its result.
func run(ctx context.Context, name string, item wire.Object) (wire.Object, error) {
	directory, err := named(item)
	if err != nil {
		return nil, err
	}
	a := command.Read(item)
	alone, anew := a.Text("alone"), a.Bool("anew", false)
	if a.Err() == nil && alone != "" && !command.IsID(alone) {
		a.Fail("alone", "not a name of what operations are about")
	}
	if a.Err() != nil {
		return nil, a.Err()
	}
	sweep(filepath.Dir(directory))
	if anew && state(directory) != running {
		if err := os.RemoveAll(directory); err != nil {
			return nil, fault.From(err, directory)
		}
	}
	switch err := begin(directory, name, item); {
	case errors.Is(err, os.ErrExist): // and so it is somebody's, perhaps of an earlier session
	case err != nil:
		_ = os.RemoveAll(directory)
		return nil, err
	}
	for pause := glance; ; pause = min(2*pause, longestGlance) {
		switch state(directory) {
		case ended:
			return read(directory, name)
		case gone:
			_ = os.RemoveAll(directory)
			return nil, fault.New(fault.IO, "%s: whoever carried it out has died; whether it was done is not known", name)
		}
		select {
		case <-ctx.Done(): // it goes on
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

func forget(item wire.Object) (wire.Object, error) {
	directory, err := named(item)
	if err == nil && state(directory) != running {
		err = os.RemoveAll(directory)
		_ = os.Remove(filepath.Dir(directory))
		_ = os.Remove(filepath.Dir(filepath.Dir(directory)))
	}
	if err != nil {
		return nil, fault.From(err, directory)
	}
	return wire.Object{}, nil
}

// sweep removes what nobody has asked for in a long time.
func sweep(base string) {
	entries, _ := os.ReadDir(base)
	for _, entry := range entries {
		directory := filepath.Join(base, entry.Name())
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > kept && state(directory) != running {
			_ = os.RemoveAll(directory)
		}
	}
}
