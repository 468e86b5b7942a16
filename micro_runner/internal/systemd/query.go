package systemd

import (
	"context"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/digest"
)

// Unit is what there is of a unit. Times are in microseconds since the epoch; 0 where it was never so.
type Unit struct {
	ID         string // its name, where it was asked for by another one
	Load       string // loaded, not-found, masked, bad-setting, error; template, of which nothing but the file's state is known
	LoadError  string
	Active     string // active, reloading, inactive, failed, activating, deactivating
	Sub        string
	FileState  string // enabled, disabled, masked, static …; "" where there is no file
	Path       string // of its file
	DropIns    []string
	NeedReload bool // its files have changed since they were read
	CanReload  bool
	Type       string // of a service
	Remains    bool   // a service that is active when its process has ended
	Result     string // success, exit-code, signal, start-limit-hit …
	Exit       uint64 // status, or number of the signal, of its main process
	Restarts   uint64 // by systemd itself
	PID        uint64 // of a service's main process; 0 where there is none
	Started    uint64 // when its main process was begun, or it was, if it has none
	Flapping   bool   // systemd has started it again and again, the last time a moment ago
	Changed    uint64 // when it last began or ceased to be active, or was reloaded
}

// questions are all calls for one unit, under way at the same time. Single properties are asked for: all of them would be a hundred, and some
// take their time.
type questions struct {
	properties map[string]*dbus.Call
	file       *dbus.Call // nil where that is known
}

const (
	// A service that systemd has started again so often, and that has not stayed up for so long since, is not well, whatever it looks like.
	flapping = 3
	steady   = time.Minute
)

var (
	ofUnit    = []string{"Id", "LoadState", "ActiveState", "SubState", "FragmentPath", "DropInPaths", "NeedDaemonReload", "CanReload", "StateChangeTimestamp"}
	ofService = []string{"Result", "Type", "RemainAfterExit", "ExecMainStatus", "ExecMainStartTimestamp", "NRestarts", "MainPID"}
)

// Query asks about units, all at once. There is a unit or an error for each.
func (b *Bus) Query(ctx context.Context, names []string) ([]Unit, []error) {
	units, errs := b.query(ctx, names)
	// A connection that was lost, as when systemd executes itself anew, is made again once: asking changes nothing.
	if slices.ContainsFunc(errs, isLost) && ctx.Err() == nil {
		return b.query(ctx, names)
	}
	return units, errs
}

func (b *Bus) query(ctx context.Context, names []string) ([]Unit, []error) {
	units, errs := make([]Unit, len(names)), make([]error, len(names))
	line, err := b.connect(ctx)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return units, errs
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(whole, line.patience)
	defer cancel()
	defer func() {
		if ctx.Err() == context.DeadlineExceeded && whole.Err() == nil {
			b.hangs(line)
		}
	}()
	var places *dbus.Call
	if b.user == "" { // where units of a user are is not for root to go to on that user's word
		places = line.ask(ctx, managerPath, properties+".Get", manager, "UnitPath")
	}
	asked := make([]questions, len(names))
	for i, unit := range names {
		asked[i] = line.question(ctx, unit)
	}
	// The property of a unit is what its files were when systemd last read them. To read them anew for each unit takes it several times as long as
	// all the rest.
	var seen *digest.Sum
	if places != nil {
		seen = survey(ctx, places)
	}
	for i, unit := range names {
		if state, known := b.files.get(seen, unit); known {
			units[i].FileState = state
		} else {
			asked[i].file = line.ask(ctx, managerPath, manager+".GetUnitFileState", unit)
		}
	}
	for i, unit := range names {
		if errs[i] = line.answers(ctx, &asked[i], &units[i], unit); errs[i] != nil {
			continue
		}
		if call := asked[i].file; call != nil {
			// It fails where there is no file, as for what another unit has made.
			if err := answer(ctx, call, unit, &units[i].FileState); err == nil || isNotFound(err) {
				b.files.put(seen, unit, units[i].FileState)
			}
		}
		if b.user != "" {
			units[i] = units[i].toldBy(b.user)
		}
	}
	return units, errs
}

func (l *line) question(ctx context.Context, unit string) questions {
	path := pathOf(unit)
	q := questions{properties: map[string]*dbus.Call{}}
	get := func(face string, names ...string) {
		for _, property := range names {
			q.properties[property] = l.ask(ctx, path, properties+".Get", face, property)
		}
	}
	switch {
	case isTemplate(unit): // there is nothing but its file
	case isService(unit):
		get(unitFace, ofUnit...)
		get(face(unit), ofService...)
	default:
		get(unitFace, ofUnit...)
		get(unitFace, "InactiveExitTimestamp")
		if hasResult(unit) {
			get(face(unit), "Result")
		}
	}
	return q
}

// answers puts all of them into a unit but what its files say.
func (l *line) answers(ctx context.Context, q *questions, unit *Unit, name string) error {
	said := map[string]dbus.Variant{}
	for property, call := range q.properties {
		var value dbus.Variant
		if err := answer(ctx, call, name, &value); err != nil {
			return err
		}
		said[property] = value
	}
	*unit = Unit{
		FileState: unit.FileState,
		ID:        text(said["Id"]), Load: text(said["LoadState"]), Active: text(said["ActiveState"]), Sub: text(said["SubState"]),
		Path: text(said["FragmentPath"]), DropIns: texts(said["DropInPaths"]), NeedReload: truth(said["NeedDaemonReload"]),
		CanReload: truth(said["CanReload"]), Changed: number(said["StateChangeTimestamp"]),
		Started: number(said["InactiveExitTimestamp"]) + number(said["ExecMainStartTimestamp"]), // only one is asked for
		Result:  text(said["Result"]), Type: text(said["Type"]), Remains: truth(said["RemainAfterExit"]),
		Exit: number(said["ExecMainStatus"]), Restarts: number(said["NRestarts"]), PID: number(said["MainPID"]),
	}
	unit.Flapping = unit.Restarts >= flapping && time.Since(time.UnixMicro(int64(unit.Started))) < steady
	if isTemplate(name) {
		unit.ID, unit.Load = name, "template"
		return nil
	}
	if unit.Load != "loaded" {
		var why dbus.Variant
		if err := answer(ctx, l.ask(ctx, pathOf(name), properties+".Get", unitFace, "LoadError"), name, &why); err != nil {
			return err
		}
		if pair, ok := why.Value().([]any); ok && len(pair) == 2 {
			unit.LoadError, _ = pair[1].(string)
		}
	}
	return nil
}

func text(value dbus.Variant) string {
	text, _ := value.Value().(string)
	return text
}

func texts(value dbus.Variant) []string {
	list, _ := value.Value().([]string)
	return list
}

func truth(value dbus.Variant) bool {
	truth, _ := value.Value().(bool)
	return truth
}

func number(value dbus.Variant) uint64 {
	switch n := value.Value().(type) {
	case uint64:
		return n
	case uint32:
		return uint64(n)
	case int32:
		return uint64(max(n, 0))
	}
	return 0
}
