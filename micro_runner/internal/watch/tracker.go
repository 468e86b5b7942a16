package watch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
)

// target is a path that is watched.
type target struct {
	given  string // as the controller has it
	path   string // without a trailing slash
	inside bool   // the entries of the directory, too

	reach
	there bool // something may have been at the path since the way was last gone
}

// reach is how a target is reached.
type reach struct {
	steps  []step
	itself key // of a directory: how it tells of its own attributes, where its parent does not
	inner  key // of a directory that is watched inside
}

func (r *reach) same(other *reach) bool {
	return slices.Equal(r.steps, other.steps) && r.itself == other.itself && r.inner == other.inner
}

// step is a name in a directory that a target depends on.
type step struct {
	dir  key
	name string
	last bool // the target itself; otherwise something on the way to it
}

type place struct {
	dir  key
	name string
}

// mark is a directory that is watched.
type mark struct {
	backend backend
	at      string
	users   int
	gone    bool // the kernel has given it up
}

// tracker knows which directories have to be watched for which targets. It belongs to one goroutine.
type tracker struct {
	backends []backend // the first is preferred, the others are for what it refuses
	targets  map[string]*target
	steps    map[place]map[*target]bool // value: it is the last step
	inner    map[key]map[*target]bool
	marks    map[key]*mark
	refused  map[string]string // directories that are not watched, and why
	second   map[string]string // directories for which not the preferred backend is used, and why
	hung     *hang.Places
}

func newTracker(backends []backend, hung *hang.Places) *tracker {
	return &tracker{
		backends: backends, hung: hung, targets: map[string]*target{}, steps: map[place]map[*target]bool{},
		inner: map[key]map[*target]bool{}, marks: map[key]*mark{}, refused: map[string]string{}, second: map[string]string{},
	}
}

// parseTarget reads a path as `watch` takes it.
func parseTarget(given string) (*target, error) {
	t := &target{given: given, path: given}
	if given != "/" && strings.HasSuffix(given, "/") {
		t.path, t.inside = given[:len(given)-1], true
	}
	return t, walk.Check(t.path)
}

// replace makes the set of targets a new one. What is in both stays as it is.
func (tr *tracker) replace(wanted []*target) {
	keep := map[string]bool{}
	for _, t := range wanted {
		keep[t.given] = true
	}
	a := tr.arming()
	for _, t := range wanted {
		if tr.targets[t.given] == nil {
			tr.targets[t.given] = t
			a.place(t)
		}
	}
	for given, t := range tr.targets {
		if !keep[given] {
			tr.install(t, reach{})
			delete(tr.targets, given)
		}
	}
	for _, reasons := range []map[string]string{tr.refused, tr.second} {
		for at := range reasons {
			if !slices.ContainsFunc(wanted, func(t *target) bool { return strings.HasPrefix(t.path+"/", strings.TrimSuffix(at, "/")+"/") }) {
				delete(reasons, at)
			}
		}
	}
}

// rearm goes all the way to the targets again, and gives those that are reached in another way now and were, or are, there.
func (tr *tracker) rearm(targets map[*target]bool) (moved []*target) {
	a := tr.arming()
	for t := range targets {
		before, there := t.reach, t.there
		a.place(t)
		if (there || t.there) && !before.same(&t.reach) {
			moved = append(moved, t)
		}
	}
	return moved
}

func (tr *tracker) all() map[*target]bool {
	all := map[*target]bool{}
	for _, t := range tr.targets {
		all[t] = true
	}
	return all
}

// touched gives the targets that something concerns, and of those the ones to which the way may lead elsewhere now.
// What was hit is an entry of the directory that the target is, or the target itself (entry "").
func (tr *tracker) touched(o *occurrence, hit func(t *target, entry string), moved func(*target)) {
	if o.gone {
		if m := tr.marks[o.dir]; m != nil {
			m.gone = true
		}
		for _, t := range tr.targets {
			if t.inner == o.dir || slices.ContainsFunc(t.steps, func(s step) bool { return s.dir == o.dir }) {
				moved(t)
			}
		}
		return
	}
	name := o.name
	if name == "" {
		name = "."
	}
	for t, last := range tr.steps[place{o.dir, name}] {
		if o.what&structural != 0 && (!last || t.inside || o.isDir) {
			moved(t) // and going there again will show whether that concerns the target
		}
		if last {
			t.there = true // or was
			hit(t, "")
		}
	}
	for t := range tr.inner[o.dir] {
		hit(t, name)
	}
}

// install notes the new way to a target, and gives up the directories that nobody needs any more.
func (tr *tracker) install(t *target, now reach) {
	for _, s := range now.steps {
		tr.marks[s.dir].users++
	}
	if now.inner != "" {
		tr.marks[now.inner].users++
	}
	before := t.reach
	for _, s := range before.steps {
		forget(tr.steps, place{s.dir, s.name}, t)
		tr.release(s.dir)
	}
	if before.itself != "" {
		forget(tr.steps, place{before.itself, "."}, t)
	}
	if before.inner != "" {
		forget(tr.inner, before.inner, t)
		tr.release(before.inner)
	}
	t.reach = now
	for _, s := range now.steps {
		note(tr.steps, place{s.dir, s.name}, t, s.last)
	}
	if now.itself != "" {
		note(tr.steps, place{now.itself, "."}, t, true)
	}
	if now.inner != "" {
		note(tr.inner, now.inner, t, true)
	}
}

func note[K comparable](of map[K]map[*target]bool, at K, t *target, last bool) {
	if of[at] == nil {
		of[at] = map[*target]bool{}
	}
	of[at][t] = of[at][t] || last
}

func forget[K comparable](of map[K]map[*target]bool, at K, t *target) {
	delete(of[at], t)
	if len(of[at]) == 0 {
		delete(of, at)
	}
}

func (tr *tracker) release(dir key) {
	m := tr.marks[dir]
	if m.users--; m.users > 0 {
		return
	}
	delete(tr.marks, dir)
	delete(tr.second, m.at)
	if !m.gone && tr.hung.Within(m.at) == nil {
		m.backend.unmark(dir, m.at)
	}
}

// arming is one pass over targets, in which each directory is walked to and marked once.
type arming struct {
	tracker *tracker
	marked  map[string]marked
	traced  map[string]traced
}

type marked struct {
	dir  key
	what uint32
}

type traced struct {
	steps []step
	dir   key // "" where the way ends early
}

func (tr *tracker) arming() *arming {
	return &arming{tr, map[string]marked{}, map[string]traced{}}
}

// place marks everything on the way to a target, from the root on, each directory before the next name is looked up in it.
func (a *arming) place(t *target) {
	dir, name := walk.Split(t.path)
	if err := a.tracker.hung.Within(t.path); err != nil { // whoever asks there hangs, and hears of nothing else meanwhile
		a.tracker.refused[dir] = err.Error()
		a.tracker.install(t, reach{})
		return
	}
	way, known := a.traced[dir]
	if !known {
		way = a.trace(dir)
		a.traced[dir] = way
	}
	now := reach{steps: slices.Clip(way.steps)}
	t.there = false
	if way.dir != "" {
		now.steps = append(now.steps, step{way.dir, name, true})
		a.enter(t, &now)
	}
	a.tracker.install(t, now)
}

func (a *arming) trace(dir string) traced {
	var way traced
	fd, at, err := walk.Trace(dir, func(fd sys.FD, at, name string) {
		if k, ok := a.mark(fd, at, structural); ok {
			way.steps = append(way.steps, step{k, name, false})
		}
	})
	if err != nil {
		if code := fault.From(err, dir).Code; code != fault.NotFound && code != fault.NotDirectory {
			a.tracker.refused[dir] = err.Error()
		}
		return way
	}
	delete(a.tracker.refused, dir)
	defer fd.Close()
	if k, ok := a.mark(fd, at, everything); ok {
		way.dir = k
	}
	return way
}

// enter looks at the target itself, and marks it if it is a directory that is watched inside.
func (a *arming) enter(t *target, now *reach) {
	dir, name, err := walk.Parent(t.path)
	if err != nil {
		return
	}
	defer dir.Close()
	stat, err := sys.Statat(dir, name)
	t.there = err == nil
	if err != nil || !stat.Is(syscall.S_IFDIR) {
		return
	}
	fd, err := sys.Openat(dir, name, sys.OPath|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return
	}
	defer fd.Close()
	if t.inside {
		now.inner, _ = a.mark(fd, t.path, everything)
	}
	if m := a.tracker.marks[now.steps[len(now.steps)-1].dir]; m != nil {
		now.itself = m.backend.itself(fd)
	}
}

func (a *arming) mark(fd sys.FD, at string, what uint32) (key, bool) {
	if done, ok := a.marked[at]; ok && done.what&what == what {
		return done.dir, done.dir != ""
	}
	tr := a.tracker
	var why []string
	for _, b := range tr.backends {
		k, err := b.mark(fd, what)
		if err != nil {
			why = append(why, fmt.Sprintf("%s: %s", b.name(), explain(err)))
			continue
		}
		if tr.marks[k] == nil {
			tr.marks[k] = &mark{backend: b, at: at}
		}
		tr.marks[k].gone = false
		a.marked[at] = marked{k, a.marked[at].what | what}
		delete(tr.refused, at)
		delete(tr.second, at)
		if len(why) > 0 {
			tr.second[at] = strings.Join(why, "; ")
		}
		return k, true
	}
	a.marked[at] = marked{"", everything}
	tr.refused[at] = cmp.Or(strings.Join(why, "; "), "neither fanotify nor inotify is to be had")
	return "", false
}

func explain(err error) string {
	switch err {
	case syscall.ENOSPC:
		return "the limit of watches is reached (sysctl fs.inotify.max_user_watches)"
	case syscall.EXDEV, syscall.ENODEV, syscall.EOPNOTSUPP:
		return "the file system does not support it"
	}
	return err.Error()
}

// summary says reasons in a line.
func summary(reasons map[string]string) string {
	if len(reasons) == 0 {
		return ""
	}
	places := slices.Sorted(maps.Keys(reasons))
	text := places[0] + ": " + reasons[places[0]]
	if n := len(places) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}
