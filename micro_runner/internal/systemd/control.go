package systemd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/holders"
)

// What can be done to a unit. All of an order is done in this order, whatever its own is.
const (
	Stop             = "stop" // first: what it takes to stop one is in the file that is about to be masked
	Unmask           = "unmask"
	Enable           = "enable"
	Disable          = "disable"
	Mask             = "mask"
	DaemonReload     = "daemon-reload"
	ResetFailed      = "reset-failed"
	Start            = "start"
	Restart          = "restart"
	Reload           = "reload"
	ReloadOrRestart  = "reload-or-restart"
	methodOfUnitJobs = "%s.%sUnit"
)

var inFiles = []string{Unmask, Enable, Disable, Mask}

var jobs = map[string]string{Stop: "Stop", Start: "Start", Restart: "Restart", Reload: "Reload", ReloadOrRestart: "ReloadOrRestart"}

var beginning = []string{Start, Restart, Reload, ReloadOrRestart}

// IsAction says whether there is such a thing to do.
func IsAction(action string) bool {
	switch action {
	case Unmask, Enable, Disable, Mask, DaemonReload, ResetFailed:
		return true
	}
	return jobs[action] != ""
}

// Order is what is to be done to one unit.
type Order struct {
	Unit    string
	Actions map[string]bool
	Expect  func(Unit) error // whether it is still what the order was made for
	Timeout time.Duration    // for each job
	Settle  time.Duration    // how long a service that says nothing of being ready has to stay up
}

func (o *Order) has(actions ...string) bool {
	for _, action := range actions {
		if o.Actions[action] {
			return true
		}
	}
	return false
}

// Done is what came of an order.
type Done struct {
	Before, After Unit
	Err           error
}

// work is all that one command has to do: the files of systemd are read anew once for all of it.
type work struct {
	bus    *Bus
	line   *line
	orders []Order
	done   []Done
	ended  *endings
	begun  time.Time
}

// Control carries out orders, those of different units together.
func (b *Bus) Control(ctx context.Context, orders []Order) []Done {
	names := make([]string, len(orders))
	for i := range orders {
		names[i] = orders[i].Unit
	}
	w := &work{bus: b, orders: orders, done: make([]Done, len(orders)), ended: newEndings(names), begun: time.Now()}
	defer b.begin(names)()
	defer b.listen(w.ended.hear)()
	before, errs := b.Query(ctx, names)
	for i := range orders {
		w.done[i] = Done{Before: before[i], Err: errs[i]}
		if errs[i] == nil && orders[i].Expect != nil {
			w.done[i].Err = orders[i].Expect(before[i])
		}
	}
	var err error
	if w.line, err = b.connect(ctx); err != nil {
		w.each(func(int) error { return err })
		return w.done
	}
	w.together(func(i int) error { return w.job(ctx, i, Stop) })
	w.each(func(i int) error { return w.files(ctx, i) })
	w.reload(ctx)
	w.each(func(i int) error { return w.reset(ctx, i) })
	w.together(func(i int) error {
		for _, action := range beginning {
			if err := w.job(ctx, i, action); err != nil {
				return err
			}
		}
		return nil
	})
	after, errs := b.Query(ctx, names)
	for i := range orders {
		w.done[i].After = after[i]
		if w.done[i].Err == nil {
			w.done[i].Err = errs[i]
		}
	}
	return w.done
}

// each does something for all orders that have not failed yet, one after another.
func (w *work) each(do func(i int) error) {
	for i := range w.orders {
		if w.done[i].Err == nil {
			w.done[i].Err = do(i)
		}
	}
}

// together does it for all at once.
func (w *work) together(do func(i int) error) {
	var group sync.WaitGroup
	for i := range w.orders {
		if w.done[i].Err == nil {
			group.Go(func() { w.done[i].Err = do(i) })
		}
	}
	group.Wait()
}

// files changes what is in the files of systemd about a unit.
func (w *work) files(ctx context.Context, i int) error {
	order := &w.orders[i]
	for _, action := range inFiles {
		if !order.has(action) {
			continue
		}
		list := []string{order.Unit}
		var carries bool
		var changes [][]any
		var err error
		switch action {
		case Enable:
			err = w.line.call(ctx, managerPath, order.Unit, manager+".EnableUnitFiles", []any{&carries, &changes}, list, false, false)
		case Disable:
			err = w.line.call(ctx, managerPath, order.Unit, manager+".DisableUnitFiles", []any{&changes}, list, false)
		case Mask:
			err = w.line.call(ctx, managerPath, order.Unit, manager+".MaskUnitFiles", []any{&changes}, list, false, false)
		case Unmask:
			// One that is masked until the next start is masked in another place.
			if err = w.line.call(ctx, managerPath, order.Unit, manager+".UnmaskUnitFiles", []any{&changes}, list, false); err == nil {
				err = w.line.call(ctx, managerPath, order.Unit, manager+".UnmaskUnitFiles", []any{&changes}, list, true)
			}
		}
		if err != nil {
			return fault.New(fault.From(err, order.Unit).Code, "it was to %s %s", action, err)
		}
	}
	return nil
}

// reload has systemd read its files anew, once, if anybody wants that.
func (w *work) reload(ctx context.Context) {
	var who []int
	for i := range w.orders {
		if w.done[i].Err == nil && w.orders[i].has(append(inFiles, DaemonReload)...) {
			who = append(who, i)
		}
	}
	if len(who) == 0 {
		return
	}
	if err := w.line.call(ctx, managerPath, "daemon-reload", manager+".Reload", nil); err != nil {
		for _, i := range who {
			w.done[i].Err = err
		}
	}
}

func (w *work) reset(ctx context.Context, i int) error {
	if !w.orders[i].has(ResetFailed) {
		return nil
	}
	w.bus.forgive(w.orders[i].Unit)
	return w.line.call(ctx, managerPath, w.orders[i].Unit, manager+".ResetFailedUnit", nil, w.orders[i].Unit)
}

// job does one of those that systemd takes its time for, and waits for its end.
func (w *work) job(ctx context.Context, i int, action string) error {
	order := &w.orders[i]
	if !order.has(action) {
		return nil
	}
	if action == Start {
		if wait := w.bus.attempt(order.Unit, w.done[i].Before, order.has(ResetFailed)); wait > 0 {
			return w.failed(ctx, order.Unit, fmt.Sprintf("it has failed again right after it was started; it is not started again for %s", wait.Round(time.Second)), time.Time{})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, order.Timeout)
	defer cancel()
	var job dbus.ObjectPath
	method := fmt.Sprintf(methodOfUnitJobs, manager, jobs[action])
	if err := w.line.call(ctx, managerPath, "cannot "+action+" "+order.Unit, method, []any{&job}, order.Unit, "replace"); err != nil {
		return err
	}
	result, err := w.ended.wait(ctx, job)
	switch {
	case err == context.DeadlineExceeded:
		return fault.New(fault.Timeout, "%s: its %s is still under way after %s", order.Unit, action, order.Timeout)
	case err != nil:
		return err
	case result == "canceled":
		return fault.New(fault.Conflict, "%s: somebody wanted something else of it while it was to %s", order.Unit, action)
	case result == "dependency":
		return w.failed(ctx, order.Unit, "something that it requires has failed", w.begun)
	case result != "done" && result != "skipped":
		return w.failed(ctx, order.Unit, w.unmoved(ctx, order.Unit, action), w.begun)
	case action == Stop:
		return nil
	}
	return w.settled(ctx, i, action, job)
}

// settled sees whether what was begun is there, and stays for a while, where only that shows it. That somebody has stopped it meanwhile is no
// failure of its.
func (w *work) settled(ctx context.Context, i int, action string, job dbus.ObjectPath) error {
	order := &w.orders[i]
	changed, stop := w.ended.follow(pathOf(order.Unit))
	defer stop()
	over := time.After(order.Settle)
	var first Unit
	for {
		units, errs := w.bus.Query(ctx, []string{order.Unit})
		if errs[0] != nil {
			return errs[0]
		}
		now := units[0]
		if first.ID == "" {
			first = now
		}
		silent := isService(order.Unit) && (now.Type == "simple" || now.Type == "exec" || now.Type == "idle")
		switch {
		case now.Active == "active" && now.Started == first.Started && now.Restarts == first.Restarts:
		case now.Active == "reloading":
		case now.Restarts == first.Restarts && w.ended.newerThan(job, order.Unit):
			return fault.New(fault.Conflict, "%s: somebody wanted something else of it right after its %s", order.Unit, action)
		case now.Active == "inactive" && now.Result == "success" && now.Type == "oneshot" && !now.Remains:
			return nil // it has done what it does
		case now.Active == "inactive" && now.Result == "success":
			return w.failed(ctx, order.Unit, "it is not active after its "+action+": one of its conditions is not met, or it has ended by itself", w.begun)
		default:
			return w.failed(ctx, order.Unit, "", w.begun)
		}
		if !silent || order.Settle <= 0 {
			return nil
		}
		select {
		case <-changed:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unmoved says of a unit that has refused to read its files that this is all that is wrong with it; "" of any other.
func (w *work) unmoved(ctx context.Context, unit, action string) string {
	if action != Reload && action != ReloadOrRestart {
		return ""
	}
	units, errs := w.bus.Query(ctx, []string{unit})
	if errs[0] != nil || units[0].Active != "active" {
		return ""
	}
	return "its reload has failed, and it runs on with what it had"
}

// failed is what is said of a unit that does not do what it is to do, with what its journal has to say since then.
func (w *work) failed(ctx context.Context, unit, why string, since time.Time) error {
	units, errs := w.bus.Query(ctx, []string{unit})
	if errs[0] != nil {
		return errs[0]
	}
	if why == "" {
		why = Why(units[0])
	}
	if lines := w.bus.journal(ctx, w.bus.selection(unit), since); lines != "" {
		if held := holders.Told(ctx, lines, w.bus.names); held != "" {
			why += "; " + held
		}
		why += "; the end of its journal:\n" + lines
	}
	return fault.New(fault.UnitFailed, "%s: %s", unit, why)
}

// Why says in words how a unit ended.
func Why(unit Unit) string {
	switch unit.Result {
	case "exit-code":
		return fmt.Sprintf("its process exited with status %d", unit.Exit)
	case "signal":
		return fmt.Sprintf("its process was ended by signal %d", unit.Exit)
	case "core-dump":
		return fmt.Sprintf("its process crashed (signal %d)", unit.Exit)
	case "start-limit-hit":
		return "it was started too often in a short time, and systemd refuses until its start limit is over (" + inWords("reset-failed", unit.ID) + " ends that)"
	case "timeout":
		return "it took too long"
	case "oom-kill":
		return "it was ended since memory was used up"
	case "success", "":
		return "it is " + unit.Active + " (" + unit.Sub + ")"
	}
	return "it failed (" + strings.ReplaceAll(unit.Result, "-", " ") + ")"
}

// begin notes that units are in our hands, until what it gives is called.
func (b *Bus) begin(names []string) (end func()) {
	count := func(by int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, unit := range names {
			if b.busy[unit] += by; b.busy[unit] == 0 {
				delete(b.busy, unit)
			}
		}
	}
	count(1)
	return func() { count(-1) }
}

// Aside notes that a unit is in our hands although another process is at it, until what it gives is called.
func (b *Bus) Aside(unit string) (end func()) {
	over := b.begin([]string{unit})
	return func() {
		defer over()
		// What was done there came by somebody's decision, not by one of this session's attempts.
		b.forgive(unit)
		// When it answers, the signals of what was done have been heard. It may be executing itself anew just now: that is heard of, too.
		ctx, cancel := context.WithTimeout(context.Background(), silence)
		defer cancel()
		_, _ = b.query(ctx, []string{unit})
	}
}

// Ours says whether a unit, or with "" any at all, is in our hands.
func (b *Bus) Ours(unit string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if unit == "" {
		return len(b.busy) > 0
	}
	return b.busy[unit] > 0
}

// Reboot has systemd stop everything in order and start the host anew. It returns when that has begun.
func (b *Bus) Reboot(ctx context.Context) error {
	line, err := b.connect(ctx)
	if err != nil {
		return err
	}
	var job dbus.ObjectPath
	method := fmt.Sprintf(methodOfUnitJobs, manager, jobs[Start])
	return line.call(ctx, managerPath, "cannot start the host anew", method, []any{&job}, "reboot.target", "replace-irreversibly")
}
