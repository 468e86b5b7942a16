package watch

import (
	"context"
	"os"
	"strings"
	"sync"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// Commands is `watch`, for one session.
func Commands(host *command.Host) []command.Command {
	w := &watcher{host: host}
	return []command.Command{{Name: "watch", Run: w.run}}
}

// Best says what this process can do: fanotify, inotify or none.
func Best() string {
	backends, _ := newBackends()
	defer func() {
		for _, b := range backends {
			b.close()
		}
	}()
	if len(backends) == 0 {
		return "none"
	}
	return backends[0].name()
}

// newBackends gives the ways that there are, the best first, and why root has to do without the best.
func newBackends() (backends []backend, why string) {
	if os.Geteuid() == 0 {
		f, err := newFanotify()
		if err == nil {
			backends = append(backends, f)
		} else {
			why = "fanotify: " + err.Error()
		}
	}
	n, err := newInotify()
	if err == nil {
		return append(backends, n), why
	}
	if len(backends) == 0 {
		why = strings.TrimPrefix(why+"; inotify: "+err.Error(), "; ")
	}
	return backends, why
}

// watcher has at most one loop, for the newest watch command.
type watcher struct {
	host *command.Host

	mu      sync.Mutex
	loop    *loop
	units   *units
	current *subscription
}

type subscription struct {
	id   int64
	over chan struct{} // closed when a newer one has taken over
}

func (w *watcher) run(ctx context.Context, call *command.Call) (wire.Array, error) {
	a := command.Read(call.Options)
	subjects := a.Strings("subjects")
	if !a.Has("subjects") {
		a.Fail("subjects", "is missing")
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	var targets []*target
	var paths, units, mounts []string
	unknown := map[string]string{}
	for _, subject := range subjects {
		scheme, name, _ := strings.Cut(subject, ":")
		if name == "" {
			return nil, fault.New(fault.BadRequest, "subjects: %q has no scheme, or no name", subject)
		}
		if scheme == "unit" {
			units = append(units, name)
			continue
		}
		if scheme == "mount" {
			mounts = append(mounts, name)
			continue
		}
		if scheme != "path" {
			unknown[subject] = "nothing here watches a " + scheme
			continue
		}
		t, err := parseTarget(name)
		if err != nil {
			return nil, err
		}
		targets, paths = append(targets, t), append(paths, name)
	}
	sub := &subscription{id: call.ID, over: make(chan struct{})}
	if err := w.subscribe(ctx, sub, wanted{targets, paths, units, mounts, unknown}, call.Emit); err != nil {
		return nil, err
	}
	select {
	case <-sub.over:
		return wire.Array{}, nil
	case <-ctx.Done():
		w.unsubscribe(sub)
		return nil, ctx.Err()
	}
}

// wanted is what a watch command asks for, by schemes.
type wanted struct {
	targets []*target
	paths   []string
	units   []string
	mounts  []string          // where something is mounted
	unknown map[string]string // by subject: why it cannot be watched
}

func (w *watcher) subscribe(ctx context.Context, sub *subscription, all wanted, emit func(string, wire.Object)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current != nil && w.current.id > sub.id { // commands run concurrently: the newer one was faster
		close(sub.over)
		return nil
	}
	if w.loop == nil {
		backends, why := newBackends()
		loop, err := newLoop(backends, why, w.host)
		if err != nil {
			return fault.From(err, "watch")
		}
		w.loop = loop
	}
	w.host.Own.Watch(all.paths)
	// First the newer one, so that nothing falls between them.
	units := followUnits(ctx, w.host, w.loop, &all, emit)
	w.units.stop()
	w.units = units
	w.loop.do(func() { w.loop.replace(&all, len(units.names), emit) })
	if w.current != nil {
		close(w.current.over)
	}
	w.current = sub
	return nil
}

func (w *watcher) unsubscribe(sub *subscription) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current != sub {
		return
	}
	w.host.Own.Watch(nil)
	w.host.Hung.Freed(func() {})
	w.units.stop()
	w.loop.stop()
	w.loop, w.units, w.current = nil, nil, nil
}
