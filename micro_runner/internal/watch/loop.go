package watch

import (
	"cmp"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/own"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/systemd"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const (
	// A change that is only the beginning of one (a file created, or written to but not closed) waits for its end, so that one `echo >file`
	// is told once: until it has been quiet for so long, at most for so long in all.
	quiet  = 300 * time.Microsecond
	atMost = time.Millisecond

	// lookupBudget is what looking up the processes of one round may take together, if none of them holds it up.
	lookupBudget = time.Millisecond
	// patience is how long is waited for the look-ups of one round in all: what has happened is told then, whoever it was.
	patience = 20 * time.Millisecond

	// mountPause is the least time between two looks at all paths because of mounts.
	mountPause = time.Second
)

// begun are the changes that something is likely to follow.
const begun = created | modified

// change is what is known of one path and not yet told.
type change struct {
	target *target
	at     time.Time
	by     evidence.Evidence
	paths  []string // what has changed, as far as nobody has said who it was: it may have been the runner
	others bool     // it was somebody else
}

// maxDoubts is how many entries of one directory are looked at to see whether the runner itself has changed them.
const maxDoubts = 64

// loop hears the kernel and tells the controller. All of it is one goroutine, which blocks in one ppoll.
type loop struct {
	names    *owner.Names
	own      *own.Writes
	temps    *temp.Workshop
	systemd  *systemd.Managers
	tracker  *tracker
	why      string // there is no better backend
	unknown  string // what nothing here watches
	silent   string // why nothing is heard of units, for now
	units    int    // are watched, by others
	points   points // at which mounts are watched
	mounts   int    // a descriptor that says when something is mounted; -1: none
	wake     [2]int
	requests chan func()
	freed    atomic.Bool // what did not answer does again
	stopped  bool

	emit    func(event string, data wire.Object)
	pending map[*target]*change
	first   time.Time // when the oldest pending change was heard of
	latest  time.Time
	urgent  bool
	haste   *haste
	alert   *alertness
	finder  *evidence.Finder
	who     map[int]evidence.Evidence
	mounted time.Time // when all paths were last looked at because of mounts
	remount bool
	told    string // the last progress
}

func newLoop(backends []backend, why string, host *command.Host) (*loop, error) {
	l := &loop{
		names: host.Names, own: host.Own, temps: host.Temps, systemd: host.Systemd, tracker: newTracker(backends, host.Hung), why: why, requests: make(chan func(), 1),
		pending: map[*target]*change{}, haste: newHaste(schedule), who: map[int]evidence.Evidence{}, emit: func(string, wire.Object) {},
	}
	l.finder = evidence.NewFinder(host.Names, l.haste.help)
	if err := syscall.Pipe2(l.wake[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return nil, err
	}
	l.alert = newAlertness()
	var err error
	if l.mounts, err = syscall.Open(mountinfo, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		l.mounts = -1
	}
	host.Hung.Freed(func() {
		l.freed.Store(true)
		_, _ = syscall.Write(l.wake[1], []byte{0})
	})
	go l.run()
	return l, nil
}

// do lets the loop's goroutine run something, and waits for it.
func (l *loop) do(f func()) {
	done := make(chan struct{})
	l.requests <- func() { f(); close(done) }
	_, _ = syscall.Write(l.wake[1], []byte{0})
	<-done
}

func (l *loop) stop() {
	l.do(func() { l.stopped = true })
}

func (l *loop) run() {
	// The thread is this goroutine's alone, and ends with it: how it is scheduled concerns nothing else.
	runtime.LockOSThread()
	spareProcessors()
	worked := l.haste.lead()
	for !l.stopped {
		worked()
		l.alert.rest(time.Now())
		ready := poll(l.descriptors(), l.wait())
		l.hear() // first, so that what happened before a request is told to who watched then
		if ready[0] {
			l.serve()
		}
		if ready[1] {
			l.remount = true
			l.hearMounts()
		}
		if l.remount && time.Since(l.mounted) >= mountPause {
			l.remount, l.mounted = false, time.Now()
			l.moved(l.tracker.all(), nil)
		}
		if len(l.pending) > 0 && l.due() <= 0 {
			l.flush()
		}
	}
	l.finder.Close()
	l.alert.close()
	for _, b := range l.tracker.backends {
		b.close()
	}
	_ = syscall.Close(l.wake[0])
	_ = syscall.Close(l.wake[1])
	if l.mounts >= 0 {
		_ = syscall.Close(l.mounts)
	}
}

// descriptors: requests, mounts (unless they have to wait), then the backends.
func (l *loop) descriptors() []pollFD {
	fds := []pollFD{{fd: int32(l.wake[0]), events: pollIn}, {fd: int32(l.mounts), events: pollPri}}
	if l.remount && len(l.points) == 0 {
		fds[1].fd = -1
	}
	for _, b := range l.tracker.backends {
		fds = append(fds, pollFD{fd: int32(b.descriptor()), events: pollIn})
	}
	return fds
}

// wait is how long to wait for something to happen; negative: for ever.
func (l *loop) wait() time.Duration {
	wait := time.Duration(-1)
	if l.remount {
		wait = max(0, mountPause-time.Since(l.mounted))
	}
	if len(l.pending) > 0 {
		if due := l.due(); wait < 0 || due < wait {
			wait = due
		}
	}
	if left := l.alert.left(time.Now()); left >= 0 && (wait < 0 || left < wait) {
		wait = left
	}
	return wait
}

// due is how long what is pending may wait for the rest of it.
func (l *loop) due() time.Duration {
	if l.urgent {
		return 0
	}
	now := time.Now()
	return max(0, min(quiet-now.Sub(l.latest), atMost-now.Sub(l.first)))
}

func (l *loop) serve() {
	var drained [16]byte
	_, _ = syscall.Read(l.wake[0], drained[:])
	if l.freed.Swap(false) {
		l.remount = true // as if it had been mounted just now
	}
	for {
		select {
		case request := <-l.requests:
			request()
		default:
			return
		}
	}
}

// replace takes a new set of subjects and the one to tell; from its return on every change is told.
func (l *loop) replace(all *wanted, units int, emit func(string, wire.Object)) {
	if len(l.pending) > 0 {
		l.flush()
	}
	l.tracker.replace(all.targets)
	l.watchMounts(all.mounts)
	for t := range l.pending {
		if l.tracker.targets[t.given] != t {
			delete(l.pending, t)
		}
	}
	l.emit, l.told, l.unknown, l.units, l.silent = emit, "", summary(all.unknown), units, ""
	l.progress()
}

func (l *loop) progress() {
	mode := "none"
	if len(l.tracker.backends) > 0 {
		mode = l.tracker.backends[0].name()
	}
	data := wire.Object{wire.F("degraded", cmp.Or(summary(l.tracker.refused), l.unknown, l.silent)), wire.F("mode", mode), wire.F("watching", len(l.tracker.targets)+l.units+len(l.points))}
	if anonymous := cmp.Or(l.why, summary(l.tracker.second)); anonymous != "" {
		data = append(data, wire.F("anonymous", anonymous))
	}
	if text := string(wire.Append(nil, data)); text != l.told {
		l.told = text
		l.emit("progress", data)
	}
}

// hear takes in what the kernel has to tell. Who it was is looked up at once: a process may be gone in a moment.
func (l *loop) hear() {
	moved := map[*target]bool{}
	var mover *occurrence // the last one who was not the runner itself
	overflow := false
	began := time.Now()
	for _, b := range l.tracker.backends {
		occurrences, err := b.read()
		overflow = overflow || err != nil
		for i := range occurrences {
			o := &occurrences[i]
			if o.overflow {
				overflow = true
				continue
			}
			mine := o.pid == os.Getpid() || o.pid != 0 && l.own.IsProgram(o.pid) || o.pid == 1 && l.systemd.Ours(o.name) // which does it for us
			l.tracker.touched(o, func(t *target, entry string) {
				if !mine && !l.passing(t, entry) {
					l.note(t, entry, o, b, began)
				}
			}, func(t *target) {
				moved[t] = true
				if !mine && !o.gone {
					mover = o
				}
			})
		}
	}
	if overflow {
		l.lost()
		return
	}
	if len(moved) > 0 {
		l.moved(moved, mover)
	}
}

// passing says whether an entry of a directory is not there for anybody but whoever is writing it. What looks like that and is there
// concerns everybody: anybody can give such a name to anything.
func (l *loop) passing(t *target, entry string) bool {
	temporary := strings.HasPrefix(entry, temp.Prefix)
	if !temporary && !unnamed(entry) {
		return false
	}
	dir, err := walk.Directory(t.path)
	if err != nil {
		return false
	}
	defer dir.Close()
	if temporary {
		return l.temps.Passing(dir, entry)
	}
	_, err = sys.Statat(dir, entry)
	return err == syscall.ENOENT
}

// unnamed says whether a name is what the kernel calls a file without one: # and the number of the inode.
func unnamed(name string) bool {
	return len(name) > 1 && name[0] == '#' && strings.Trim(name[1:], "0123456789") == ""
}

// note keeps that a path has changed, and by whom; entry is the name in the directory that the target is, if it was one.
func (l *loop) note(t *target, entry string, o *occurrence, b backend, began time.Time) {
	path := t.path
	if entry != "" && entry != "." {
		path += "/" + entry
	}
	if o.what&^begun != 0 {
		l.urgent = true
	}
	l.alert.heard(began)
	pid, since := o.pid, began
	if pid == 1 {
		pid, since = behind(path), time.Now()
	}
	l.keep(t, path, began, l.lookup(pid, b.name(), since))
}

// behind is the process for which systemd has done something at a path: what is enabled, disabled or masked it does for somebody.
func behind(path string) int {
	return cmp.Or(systemd.AskerOf(path[strings.LastIndexByte(path, '/')+1:]), 1)
}

func (l *loop) keep(t *target, path string, at time.Time, by evidence.Evidence) {
	now := time.Now()
	if len(l.pending) == 0 {
		l.first = now
	}
	l.latest = now
	c := l.pending[t]
	if c == nil {
		c = &change{target: t}
		l.pending[t] = c
	}
	c.at = at
	if by.PID != 0 || !c.others {
		c.by = by
	}
	switch {
	case by.PID != 0 || len(c.paths) >= maxDoubts:
		c.others = true
	case !slices.Contains(c.paths, path):
		c.paths = append(c.paths, path)
	}
}

func (l *loop) lookup(pid int, source string, began time.Time) evidence.Evidence {
	found, known := l.who[pid]
	if !known {
		found = evidence.Evidence{PID: pid}
		if time.Since(began) < lookupBudget {
			found = l.finder.Lookup(pid, patience)
			l.who[pid] = found
		}
	}
	found.Source = source
	return found
}

// moved looks again how targets are reached. One that is reached in another way now has changed itself, and most likely without
// anybody having told of it, unless it was not there before and is not there now.
func (l *loop) moved(targets map[*target]bool, mover *occurrence) {
	for _, t := range l.tracker.rearm(targets) {
		if l.pending[t] != nil {
			continue
		}
		by := evidence.Evidence{Source: l.source()}
		if mover != nil {
			pid := mover.pid
			if pid == 1 {
				pid = behind(t.path)
			}
			by = l.lookup(pid, l.source(), time.Now())
		}
		l.urgent = true
		l.keep(t, t.path, time.Now(), by)
	}
	l.progress()
}

func (l *loop) source() string {
	if len(l.tracker.backends) > 0 {
		return l.tracker.backends[0].name()
	}
	return "inotify"
}

// lost: events did not fit the kernel's queue. Everything may have changed, and be reached in another way.
func (l *loop) lost() {
	l.tracker.rearm(l.tracker.all())
	l.tell(nil, true)
	l.progress()
}

// flush tells what is pending, but for what was our own doing.
func (l *loop) flush() {
	changes := make([]*change, 0, len(l.pending))
	waiting := map[*target]*change{}
	for t, c := range l.pending {
		switch l.judge(c) {
		case own.Others:
			changes = append(changes, c)
		case own.Pending:
			waiting[t] = c
		}
	}
	clear(l.who)
	l.pending, l.urgent = waiting, false
	l.first = time.Now()
	l.latest = l.first
	if len(changes) > 0 {
		l.tell(changes, false)
	}
}

func (l *loop) judge(c *change) own.Verdict {
	if c.others {
		return own.Others
	}
	verdict := own.Ours
	for _, path := range c.paths {
		switch l.own.Judge(path) {
		case own.Others:
			return own.Others
		case own.Pending:
			verdict = own.Pending
		}
	}
	return verdict
}

func (l *loop) tell(changes []*change, overflow bool) {
	slices.SortFunc(changes, func(a, b *change) int { return strings.Compare(a.target.given, b.target.given) })
	list := make(wire.Array, len(changes))
	for i, c := range changes {
		list[i] = wire.Object{wire.F("at_ms", c.at.UnixMilli()), wire.F("by", c.by.Value()), wire.F("subject", "path:"+c.target.given)}
	}
	l.emit("changed", wire.Object{wire.F("changes", list), wire.F("overflow", overflow)})
}

type pollFD struct {
	fd      int32
	events  int16
	revents int16
}

const (
	pollIn  = 0x1
	pollPri = 0x2
)

// poll waits until one of the descriptors is ready or the time is over, and says which are ready. Go's own poller would be as good,
// but that its timers are not finer than a millisecond.
func poll(fds []pollFD, patience time.Duration) []bool {
	var timeout *syscall.Timespec
	if patience >= 0 {
		spec := syscall.NsecToTimespec(int64(patience))
		timeout = &spec
	}
	_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
	ready := make([]bool, len(fds))
	for i := range fds {
		ready[i] = fds[i].revents != 0
	}
	return ready
}
