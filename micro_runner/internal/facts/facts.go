// Package facts is the command facts: what a target is, as far as the kernel or a file says it.
//
// Invariants: no program is run, and nothing is asked of the network. Equal machines give equal facts: what moves while nobody
// changes anything, such as free memory, is none. What is not known is not there, rather than empty. What there are many of is cut at a bound.
package facts

import (
	"context"
	"slices"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/wire"
)

// section is a part of the facts that is gathered by itself.
type section struct {
	name   string
	gather func(*machine) wire.Object
}

// sections are all, by name.
var sections = []section{
	{"boot", boot}, {"cpu", cpu}, {"disks", disks}, {"groups", groups}, {"init", initSystem}, {"kernel", kernel}, {"machine", hardware},
	{"memory", memory}, {"mounts", mounts}, {"network", network}, {"os", distribution}, {"packages", packages}, {"security", security},
	{"time", timeZone}, {"users", users}, {"virtualization", virtualization},
}

// Commands is `facts`.
func Commands(host *command.Host) []command.Command {
	return []command.Command{{Name: "facts", Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
		return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
			arguments := command.Read(item)
			only := arguments.Strings("only")
			if err := arguments.Err(); err != nil {
				return nil, err
			}
			if err := known(only); err != nil {
				return nil, err
			}
			return gather(this(ctx, host.Hung), only), nil
		})
	}}}
}

// known says which names are those of no section.
func known(only []string) error {
	var names []string
	for _, one := range sections {
		names = append(names, one.name)
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return fault.New(fault.BadRequest, "only: there are no facts called %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// gather gives some sections, or all where none is named.
func gather(m *machine, only []string) wire.Object {
	found := wire.Object{}
	for _, one := range sections {
		if len(only) == 0 || slices.Contains(only, one.name) {
			m.section = one.name
			found = append(found, wire.F(one.name, one.gather(m)))
		}
	}
	cut := wire.Array{}
	for _, name := range m.cut {
		cut = append(cut, name)
	}
	return wire.Object{wire.F("cut", cut), wire.F("facts", found)}
}

// BootID names this run of the kernel.
func BootID() string {
	return this(context.Background(), hang.NewPlaces()).line("/proc/sys/kernel/random/boot_id")
}

// with adds a member, unless nothing is known of it.
func with(object wire.Object, key, value string) wire.Object {
	if value == "" {
		return object
	}
	return append(object, wire.F(key, bounded(value)))
}

// withNumber does the same with a number that is positive where it is known.
func withNumber(object wire.Object, key string, value int64) wire.Object {
	if value <= 0 {
		return object
	}
	return append(object, wire.F(key, min(value, wire.MaxInteger)))
}
