// Package operation is what must not be cut in half: programs that run to their end whatever becomes of the session, and whose
// result can be had by another one.
//
// An operation has a name, which is that of a directory (0700, below one of the runner's user). In it are what is to be run (`spec`), a lock that its
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
	"regexp"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const (
	// kept is for how long the result of what nobody asked for any more is kept.
	kept = 24 * time.Hour
	// glance is how often somebody who waits looks whether it is there.
	glance = 50 * time.Millisecond
)

var valid = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// Commands is `exec.run` and `exec.forget`.
func Commands() []command.Command {
	return []command.Command{
		{Name: "exec.run", Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			results := make(wire.Array, len(call.Items))
			err := command.Each(ctx, len(call.Items), func(i int) {
				reply, err := run(ctx, call.Items[i])
				results[i] = command.Result(reply, err, "")
			})
			return results, err
		}},
		{Name: "exec.forget", Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, forget)
		}},
	}
}

func named(item wire.Object) (string, error) {
	name := command.Read(item).Text("id")
	if !valid.MatchString(name) {
		return "", fault.New(fault.BadRequest, "id: not a name of an operation")
	}
	base, err := base()
	return filepath.Join(base, name), err
}

// run starts an operation, unless it is under way or has a result already, and waits for it.
func run(ctx context.Context, item wire.Object) (wire.Object, error) {
	directory, err := named(item)
	if err != nil {
		return nil, err
	}
	spec, _, err := execute.Read(item)
	if err != nil {
		return nil, err
	}
	if alone := command.Read(item).Text("alone"); alone != "" && !valid.MatchString(alone) {
		return nil, fault.New(fault.BadRequest, "alone: not a name of what operations are about")
	}
	sweep(filepath.Dir(directory))
	if command.Read(item).Bool("anew", false) && state(directory) != running {
		if err := os.RemoveAll(directory); err != nil {
			return nil, fault.From(err, directory)
		}
	}
	switch err := begin(directory, item); {
	case errors.Is(err, os.ErrExist): // and so it is somebody's, perhaps of an earlier session
	case err != nil:
		_ = os.RemoveAll(directory)
		return nil, err
	}
	for {
		switch state(directory) {
		case ended:
			return read(directory)
		case gone:
			_ = os.RemoveAll(directory)
			return nil, fault.New(fault.IO, "%s: whoever carried it out has died; whether it was done is not known", spec.Argv[0])
		}
		select {
		case <-ctx.Done(): // it goes on
			return nil, context.Cause(ctx)
		case <-time.After(glance):
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
