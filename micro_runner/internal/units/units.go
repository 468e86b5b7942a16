// Package units is what is asked of and done to the units of systemd: unit.query, unit.list, unit.calendar and unit.control.
package units

import (
	"context"
	"crypto/sha256"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/wire"
)

const (
	// usualTimeout is as long as systemd itself gives a unit, and a bit.
	usualTimeout   = 120 * 1000
	longestTimeout = 3600 * 1000
	longestSettle  = 60 * 1000
)

// login is what a user may be called.
var login = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$`)

var about = []command.Names{{Argument: "unit", Scheme: "unit"}}

// Commands are those about units.
func Commands(host *command.Host) []command.Command {
	return []command.Command{
		{Name: "unit.query", Names: about, Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return query(ctx, host.Systemd, call)
		}},
		{Name: "unit.list", Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, func(wire.Object) (wire.Object, error) { return files(ctx, host.Systemd) })
		}},
		{Name: "unit.calendar", Replays: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return calendar(ctx, call)
		}},
		{Name: "unit.control", Names: about, Writes: true, Lasts: true, Aside: func(item wire.Object) func() {
			return host.Systemd.Aside(command.Text(item, "unit"))
		}, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return control(ctx, host.Systemd, call)
		}},
	}
}

func query(ctx context.Context, bus *systemd.Managers, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	var names []string
	var places []int
	for i, item := range call.Items {
		a := command.Read(item)
		if unit := unitOf(a); a.Err() == nil {
			names, places = append(names, unit), append(places, i)
		} else {
			results[i] = command.Failed(a.Err(), "")
		}
	}
	if len(names) > 0 {
		units, errs := known(ctx, bus, names)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for n, i := range places {
			told := reply(&units[n])
			if gone := command.Read(call.Items[i]).Bool("replaced", false); gone && errs[n] == nil && units[n].PID > 0 {
				told = append(told, wire.F("replaced", list(replaced("/proc", units[n].PID))))
			}
			results[i] = command.Result(told, errs[n], names[n])
		}
	}
	return results, nil
}

// known asks managers about their units, and the disk about those of all users.
func known(ctx context.Context, bus *systemd.Managers, names []string) ([]systemd.Unit, []error) {
	units, errs := make([]systemd.Unit, len(names)), make([]error, len(names))
	var its []string
	var places, ofAll []int
	for i, name := range names {
		if isEverybodys(name) {
			ofAll = append(ofAll, i)
		} else {
			its, places = append(its, name), append(places, i)
		}
	}
	if len(its) > 0 {
		told, why := bus.Query(ctx, its)
		for n, i := range places {
			units[i], errs[i] = told[n], why[n]
		}
	}
	_ = command.Each(ctx, len(ofAll), func(n int) { units[ofAll[n]], errs[ofAll[n]] = ofEverybody(ctx, names[ofAll[n]]) })
	return units, errs
}

// files are the units that somebody can enable or mask, and whether that was done; not templates.
func files(ctx context.Context, bus *systemd.Managers) (wire.Object, error) {
	all, err := bus.Files(ctx, "enabled", "disabled", "masked")
	if err != nil {
		return nil, err
	}
	units := wire.Array{}
	for _, one := range all {
		byPackage := one.State == "masked" && !strings.HasPrefix(one.Path, "/etc/")
		if systemd.Check(one.Unit) && !byPackage && !strings.Contains(one.Unit, "@.") {
			units = append(units, wire.Object{wire.F("unit", one.Unit), wire.F("file_state", one.State)})
		}
	}
	return wire.Object{wire.F("units", units)}, nil
}

func control(ctx context.Context, bus *systemd.Managers, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	var orders []systemd.Order
	var places []int
	for i, item := range call.Items {
		order, err := orderOf(item)
		if err == nil && slices.ContainsFunc(orders, func(other systemd.Order) bool { return other.Unit == order.Unit }) {
			err = fault.New(fault.BadRequest, "%s: twice in one command", order.Unit)
		}
		if err != nil {
			results[i] = command.Failed(err, "")
			continue
		}
		if isEverybodys(order.Unit) {
			results[i] = ordered(forEverybody(ctx, &order), order.Unit)
			continue
		}
		orders, places = append(orders, order), append(places, i)
	}
	if len(orders) > 0 {
		done := bus.Control(ctx, orders)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for n, i := range places {
			results[i] = ordered(done[n], orders[n].Unit)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return results, nil
}

// ordered is what is told of an order that was carried out.
func ordered(done systemd.Done, unit string) wire.Object {
	changed := stateOf(&done.Before) != stateOf(&done.After)
	return command.Result(append(wire.Object{wire.F("changed", changed)}, reply(&done.After)...), done.Err, unit)
}

func orderOf(item wire.Object) (systemd.Order, error) {
	a := command.Read(item)
	order := systemd.Order{Unit: unitOf(a), Actions: map[string]bool{}}
	for _, action := range a.Strings("actions") {
		if !systemd.IsAction(action) {
			a.Fail("actions", "nothing is called "+strconv.Quote(action))
		}
		order.Actions[action] = true
	}
	if len(order.Actions) == 0 {
		a.Fail("actions", "nothing is to be done")
	}
	order.Timeout = time.Duration(a.Int("timeout_ms", usualTimeout, longestTimeout)) * time.Millisecond
	order.Settle = time.Duration(a.Int("settle_ms", 0, longestSettle)) * time.Millisecond
	if expected := a.Text("expect"); expected != "" {
		order.Expect = func(unit systemd.Unit) error {
			if now := stateOf(&unit); now != expected {
				return fault.New(fault.Conflict, "%s is not any more what it was when it was looked at", order.Unit)
			}
			return nil
		}
	}
	return order, a.Err()
}

func unitOf(a *command.Arguments) string {
	unit := a.Text("unit")
	user, name := systemd.Cut(unit)
	if a.Err() == nil && (!systemd.Check(name) || user != "" && user != everybody && !login.MatchString(user) || strings.HasPrefix(unit, "/")) {
		a.Fail("unit", strconv.Quote(unit)+" is not the full name of a unit, such as nginx.service or, of a user's manager, ann/app.service")
	}
	return unit
}

// reply is what is told of a unit.
func reply(unit *systemd.Unit) wire.Object {
	value := wire.Object{
		wire.F("active", unit.Active), wire.F("can_reload", unit.CanReload), wire.F("changed_us", int64(unit.Changed)),
		wire.F("dropins", list(unit.DropIns)), wire.F("exit", int64(unit.Exit)), wire.F("file_state", unit.FileState), wire.F("id", unit.ID), wire.F("load", unit.Load),
	}
	if unit.Flapping {
		value = append(value, wire.F("flapping", true))
	}
	if unit.LoadError != "" {
		value = append(value, wire.F("load_error", unit.LoadError))
	}
	return append(value,
		wire.F("need_reload", unit.NeedReload), wire.F("path", unit.Path), wire.F("remains", unit.Remains), wire.F("restarts", int64(unit.Restarts)),
		wire.F("result", unit.Result), wire.F("started_us", int64(unit.Started)), wire.F("state", stateOf(unit)), wire.F("sub", unit.Sub), wire.F("type", unit.Type))
}

func list(texts []string) wire.Array {
	array := make(wire.Array, len(texts))
	for i, text := range texts {
		array[i] = text
	}
	return array
}

// stateOf is what expect compares.
func stateOf(unit *systemd.Unit) string {
	value := wire.Array{unit.ID, unit.Load, unit.Active, unit.Sub, unit.FileState, unit.NeedReload, int64(unit.Started), int64(unit.Changed)}
	return digest.Sum(sha256.Sum256(wire.Append(nil, value))).String()
}
