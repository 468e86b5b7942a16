package systemd

import (
	"context"
	"sync"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/fault"
)

// mostEndings is how many are kept: a user's manager, which can be any program of the user, could tell of any number.
const mostEndings = 100_000

// endings are the jobs that have ended since somebody began to listen: one may be over before it is known what it is called. Of the units that
// it is about the newest job is known, too, whoever has asked for it.
type endings struct {
	mu      sync.Mutex
	results map[dbus.ObjectPath]string
	newest  map[string]dbus.ObjectPath
	news    chan struct{} // closed, and another one made, with every ending
	lost    bool
	follows map[dbus.ObjectPath]chan struct{}
}

func newEndings(units []string) *endings {
	newest := map[string]dbus.ObjectPath{}
	for _, unit := range units {
		newest[unit] = ""
	}
	return &endings{newest: newest, results: map[dbus.ObjectPath]string{}, news: make(chan struct{}), follows: map[dbus.ObjectPath]chan struct{}{}}
}

func (e *endings) hear(signal *dbus.Signal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if signal == nil {
		e.lost = true
		close(e.news)
		e.news = make(chan struct{})
		return
	}
	if follow := e.follows[signal.Path]; follow != nil {
		select {
		case follow <- struct{}{}:
		default:
		}
	}
	if signal.Name == manager+".JobNew" && len(signal.Body) >= 3 {
		job, _ := signal.Body[1].(dbus.ObjectPath)
		unit, _ := signal.Body[2].(string)
		if _, known := e.newest[unit]; known {
			e.newest[unit] = job
		}
	}
	if signal.Name != manager+".JobRemoved" || len(signal.Body) < 4 {
		return
	}
	job, _ := signal.Body[1].(dbus.ObjectPath)
	result, _ := signal.Body[3].(string)
	if len(e.results) < mostEndings {
		e.results[job] = result
	}
	close(e.news)
	e.news = make(chan struct{})
}

// newerThan says whether systemd was asked for something else of a unit after a job of ours, or does it by itself.
func (e *endings) newerThan(job dbus.ObjectPath, unit string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	newest := e.newest[unit]
	return newest != "" && newest != job
}

// wait gives the result of a job.
func (e *endings) wait(ctx context.Context, job dbus.ObjectPath) (string, error) {
	for {
		e.mu.Lock()
		result, over := e.results[job]
		news, lost := e.news, e.lost
		e.mu.Unlock()
		switch {
		case over:
			return result, nil
		case lost:
			return "", fault.New(fault.Unreachable, "the connection with systemd was lost before the end of %s", job)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// follow says that something has happened to an object, until stop is called.
func (e *endings) follow(path dbus.ObjectPath) (changed <-chan struct{}, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	follow := make(chan struct{}, 1)
	e.follows[path] = follow
	return follow, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.follows, path)
	}
}
