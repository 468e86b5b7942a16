package execute

import (
	"context"
	"errors"
	"os"
	"os/user"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// look says of programs what would keep them from being run, and runs none.
func look(ctx context.Context, call *command.Call) (wire.Array, error) {
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		spec, _, err := read(item)
		if err != nil {
			return nil, err
		}
		return wire.Object{wire.F("obstacles", spec.obstacles())}, nil
	})
}

// obstacles are what Run would fail with, before anything is run.
func (s Spec) obstacles() wire.Array {
	found := wire.Array{}
	environment := append([]string{"PATH=" + searchPath}, s.Environment...)
	if why, places := Lacks(s.Argv[0], s.Directory, environment); why != nil {
		subjects := make([]string, len(places))
		for i, place := range places {
			subjects[i] = "path:" + place
		}
		found = append(found, why.About(subjects...))
	}
	stat, err := os.Stat(s.Directory)
	switch {
	case errors.Is(err, syscall.ENOENT):
		found = append(found, noDirectory(s.Directory).About("path:"+s.Directory))
	case errors.Is(err, syscall.ENOTDIR), err == nil && !stat.IsDir():
		found = append(found, fault.New(fault.NotDirectory, "the working directory %s is not a directory", s.Directory).About("path:"+s.Directory))
	}
	if s.User != "" {
		if _, err := user.Lookup(s.User); err != nil {
			found = append(found, noUser(s.User).About("user:"+s.User))
		}
	}
	return found
}

func noDirectory(path string) *fault.Fault {
	return fault.New(fault.NotFound, "the working directory %s does not exist", path)
}

func noUser(name string) *fault.Fault {
	return fault.New(fault.UnknownOwner, "there is no user %q", name)
}
