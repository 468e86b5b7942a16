package systemd

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/owner"
)

const (
	// knowing is how long a change is held back for who asked for it to be found.
	knowing = 20 * time.Millisecond
	// again and rarely are the first and the longest pause between attempts to reach systemd once more.
	again  = 10 * time.Millisecond
	rarely = time.Second
	// silence is how long systemd may be gone until it is said that nothing is heard of units.
	silence = 3 * time.Second
	// mostTold is how often a second each unit of a user's may be told of, who could have as much as that happen.
	mostTold = 20
	// room and usersRoom are for how many signals there is some, until they are taken.
	room      = 1024
	usersRoom = 64
)

// Source is where this evidence comes from.
const Source = "systemd"

// Changed tells of a unit, by the name by which it is followed.
type Changed func(unit string, at time.Time, by evidence.Evidence)

// Follower hears what happens to units.
type Follower struct {
	bus     *Bus
	tell    Changed
	lacking func(why string)

	heard   chan *dbus.Signal
	missed  atomic.Bool // there was no room for a signal
	ends    chan struct{}
	over    chan struct{}
	unheard func()
	asker   *asker
	units   map[string]*followed
	second  time.Time // in which so much was told of units of a user's
	told    int
}

// followed is what is known of one unit.
type followed struct {
	state string // as it was told last; "" when it is not known
	moved bool   // it has been something else since
	who   *search
}

// Follow tells of every change of some units that comes to rest, and of all of them when something may have been missed. lacking is told
// why nothing is heard, and "" when it is again. An error says that nothing can be heard at all.
func (b *Bus) Follow(ctx context.Context, units []string, names *owner.Names, tell Changed, lacking func(string)) (*Follower, error) {
	space := room
	if b.user != "" {
		space = usersRoom
	}
	f := &Follower{
		bus: b, tell: tell, lacking: lacking, heard: make(chan *dbus.Signal, space), ends: make(chan struct{}), over: make(chan struct{}), asker: newAsker(names), units: map[string]*followed{},
	}
	for _, unit := range units {
		f.units[unit] = &followed{}
	}
	f.unheard = b.listen(f.hear)
	if b.user == "" {
		if _, err := b.connect(ctx); err != nil {
			f.unheard()
			return nil, err
		}
	}
	go f.run()
	return f, nil
}

// Stop ends it. Nothing is told afterwards.
func (f *Follower) Stop() {
	f.unheard()
	close(f.ends)
	<-f.over
}

// hear takes a signal. One that there is no room for is as good as a lost connection: everything is looked at.
func (f *Follower) hear(signal *dbus.Signal) {
	select {
	case f.heard <- signal:
	case <-f.ends:
	default:
		if f.missed.Swap(true) {
			return
		}
		go func() {
			select {
			case f.heard <- nil:
			case <-f.ends:
			}
		}()
	}
}

func (f *Follower) run() {
	defer close(f.over)
	defer f.asker.close()
	if f.bus.user != "" {
		f.await()
	}
	for {
		select {
		case <-f.ends:
			return
		case signal := <-f.heard:
			if signal == nil {
				f.missed.Store(false)
				f.recover()
			} else {
				f.take(signal)
			}
		}
	}
}

// await is done when the manager of a user is there at the beginning, or else when it has come.
func (f *Follower) await() {
	ctx, cancel := context.WithTimeout(context.Background(), dialing)
	_, err := f.bus.connect(ctx)
	cancel()
	if err != nil {
		f.recover()
	}
}

// recover makes the connection again, as long as it takes. That a user's manager has gone, with all of its units, is nothing odd, and is
// told of them.
func (f *Follower) recover() {
	lost, told, gone, pause := time.Now(), false, false, again
	for {
		ctx, cancel := context.WithTimeout(context.Background(), dialing)
		_, err := f.bus.connect(ctx)
		cancel()
		if err == nil {
			break
		}
		if f.bus.user != "" {
			if !gone {
				gone = true
				f.all()
			}
		} else if !told && time.Since(lost) > silence {
			told = true
			f.lacking(err.Error())
		}
		select {
		case <-f.ends:
			return
		case <-time.After(pause):
			pause = min(2*pause, rarely)
		}
	}
	if told {
		f.lacking("")
	}
	f.all()
}

// all: something may have happened to any of them.
func (f *Follower) all() {
	for unit, known := range f.units {
		known.state, known.moved = "", false
		f.say(unit, time.Now(), evidence.Evidence{Source: Source})
	}
}

func (f *Follower) take(signal *dbus.Signal) {
	switch signal.Name {
	case properties + ".PropertiesChanged":
		unit := unitOf(signal.Path)
		known := f.units[unit]
		if known == nil || len(signal.Body) < 2 || signal.Body[0] != unitFace {
			return
		}
		changed, _ := signal.Body[1].(map[string]dbus.Variant)
		f.moves(unit, known, text(changed["ActiveState"]), text(changed["SubState"]))
	case manager + ".JobNew":
		if len(signal.Body) < 3 {
			return
		}
		unit, _ := signal.Body[2].(string)
		if known := f.units[unit]; known != nil {
			known.who = f.asker.search(unit)
		}
	case manager + ".UnitFilesChanged":
		f.reread()
	case manager + ".Reloading":
		if len(signal.Body) == 0 {
			return
		}
		if begins, ok := signal.Body[0].(bool); ok && !begins {
			f.reread()
		}
	}
}

// moves: a unit is something else. What passes by itself is not told, but for the end of it.
func (f *Follower) moves(unit string, known *followed, active, sub string) {
	state := active + "/" + sub
	if active == "" || state == known.state && !known.moved {
		return
	}
	if active == "deactivating" || active == "reloading" || active == "activating" && sub != "auto-restart" {
		known.moved = true
		return
	}
	known.state, known.moved = state, false
	at := time.Now()
	by := evidence.Evidence{Source: Source}
	if known.who != nil {
		by = known.who.found(knowing)
		known.who = nil
	}
	// We ask by no program: who does so while the unit is in our hands is somebody else.
	if by.PID == 0 && f.bus.Ours(unit) {
		return
	}
	f.say(unit, at, by)
}

// say tells of a unit. Of a user's it waits where there was too much to tell: what there is no room for meanwhile is told as one.
func (f *Follower) say(unit string, at time.Time, by evidence.Evidence) {
	if f.bus.user != "" {
		if now := time.Now(); now.Sub(f.second) >= time.Second {
			f.second, f.told = now, 0
		}
		if f.told++; f.told > mostTold*len(f.units) {
			select {
			case <-f.ends:
			case <-time.After(time.Until(f.second.Add(time.Second))):
			}
		}
	}
	f.tell(unit, at, by)
}

// reread: files of units have changed, or systemd has read them anew, and does not say which.
func (f *Follower) reread() {
	if f.bus.Ours("") {
		return
	}
	for unit := range f.units {
		f.say(unit, time.Now(), evidence.Evidence{Source: Source})
	}
}
