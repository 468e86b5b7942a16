package systemd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/walk"
)

// Managers are all managers of units of a host: systemd itself, and one of each user who has one. A unit of a user's is called USER/UNIT.
type Managers struct {
	journal Journal
	names   *owner.Names
	system  *Bus

	mu    sync.Mutex
	users map[string]*Bus
}

// NewManagers are connected to nothing yet. Where a unit fails, the end of its journal is told, which is another program's to read.
func NewManagers(names *owner.Names, journal Journal) *Managers {
	return &Managers{journal: journal, names: names, system: newBus(journal, names, "", nil), users: map[string]*Bus{}}
}

// Cut gives the user of whose manager a unit is ("" for systemd's), and what it is called there.
func Cut(unit string) (user, name string) {
	if before, after, found := strings.Cut(unit, "/"); found {
		return before, after
	}
	return "", unit
}

func (m *Managers) of(user string) *Bus {
	if user == "" {
		return m.system
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	bus := m.users[user]
	if bus == nil {
		bus = newBus(m.journal, m.names, user, func() (uint32, error) {
			m.names.Refresh()
			return m.names.UID(user)
		})
		m.users[user] = bus
	}
	return bus
}

// each has a function called for every manager that some units are of, for all at the same time, with the places of its units.
func (m *Managers) each(units []string, do func(bus *Bus, user string, places []int)) {
	places := map[string][]int{}
	for i, unit := range units {
		user, _ := Cut(unit)
		places[user] = append(places[user], i)
	}
	var group sync.WaitGroup
	for user, its := range places {
		group.Go(func() { do(m.of(user), user, its) })
	}
	group.Wait()
}

// Query asks about units, all at once. There is a unit or an error for each.
func (m *Managers) Query(ctx context.Context, names []string) ([]Unit, []error) {
	units, errs := make([]Unit, len(names)), make([]error, len(names))
	m.each(names, func(bus *Bus, _ string, places []int) {
		its := make([]string, len(places))
		for n, i := range places {
			_, its[n] = Cut(names[i])
		}
		told, why := bus.Query(ctx, its)
		for n, i := range places {
			units[i], errs[i] = told[n], why[n]
		}
	})
	return units, errs
}

// Control carries out orders, those of different units together.
func (m *Managers) Control(ctx context.Context, orders []Order) []Done {
	done, names := make([]Done, len(orders)), make([]string, len(orders))
	for i := range orders {
		names[i] = orders[i].Unit
	}
	m.each(names, func(bus *Bus, _ string, places []int) {
		its := make([]Order, len(places))
		for n, i := range places {
			its[n] = orders[i]
			_, its[n].Unit = Cut(names[i])
		}
		for n, one := range bus.Control(ctx, its) {
			done[places[n]] = one
		}
	})
	return done
}

// Files are the unit files of systemd itself in some states, sorted by their names.
func (m *Managers) Files(ctx context.Context, states ...string) ([]File, error) {
	return m.system.Files(ctx, states...)
}

// Reconsider is told that something else than units was changed here: what failed may go by now.
func (m *Managers) Reconsider() {
	m.mu.Lock()
	all := slices.Collect(maps.Values(m.users))
	m.mu.Unlock()
	for _, bus := range append(all, m.system) {
		bus.reconsider()
	}
}

// Reboot has systemd stop everything in order and start the host anew. It returns when that has begun.
func (m *Managers) Reboot(ctx context.Context) error { return m.system.Reboot(ctx) }

// Aside notes that a unit is in our hands although another process is at it, until what it gives is called.
func (m *Managers) Aside(unit string) (end func()) {
	user, name := Cut(unit)
	return m.of(user).Aside(name)
}

// Followers hear what happens to units of several managers.
type Followers []*Follower

// Follow tells of every change of some units that comes to rest, and of all of a manager's when something may have been missed. lacking is
// told why nothing is heard of systemd's, and "" when it is again. An error says that nothing can be heard of those at all; managers of users come
// and go.
func (m *Managers) Follow(ctx context.Context, units []string, names *owner.Names, tell Changed, lacking func(string)) (Followers, error) {
	var mu sync.Mutex
	var followers Followers
	var failed error
	m.each(units, func(bus *Bus, user string, places []int) {
		its := make([]string, len(places))
		for n, i := range places {
			_, its[n] = Cut(units[i])
		}
		told := tell
		if user != "" {
			told = func(unit string, at time.Time, by evidence.Evidence) { tell(user+"/"+unit, at, by) }
		}
		follower, err := bus.Follow(ctx, its, names, told, lacking)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = err
			return
		}
		followers = append(followers, follower)
	})
	return followers, failed
}

// Stop ends it. Nothing is told afterwards.
func (f Followers) Stop() {
	for _, one := range f {
		one.Stop()
	}
}

// Close ends all connections.
func (m *Managers) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.system.Close()
	for _, bus := range m.users {
		bus.Close()
	}
}

// selection are the arguments of journalctl for what there is of a unit.
func (b *Bus) selection(unit string) []string {
	if b.user == "" {
		return []string{"--unit=" + unit}
	}
	uid, err := b.uid()
	if err != nil {
		return []string{"--unit=" + unit}
	}
	// What it says itself, and what its manager says of it. Of other users' nothing counts, whatever it is called.
	who := fmt.Sprintf("_UID=%d", uid)
	return []string{who, "_SYSTEMD_USER_UNIT=" + unit, "+", who, "USER_UNIT=" + unit}
}

// inWords is what a person would type to do something about a unit.
func inWords(action, unit string) string {
	if user, name := Cut(unit); user != "" {
		return "systemctl --user --machine=" + user + "@ " + action + " " + name
	}
	return "systemctl " + action + " " + unit
}

// longestText bounds what a user's manager says about anything.
const longestText = 1000

// toldBy is what the manager of a user says, which can be any program of that user: what cannot be shown is not, and what is no path is none.
func (u Unit) toldBy(user string) Unit {
	for _, text := range []*string{&u.ID, &u.Load, &u.LoadError, &u.Active, &u.Sub, &u.FileState, &u.Type, &u.Result} {
		*text = shown(*text)
	}
	u.ID = user + "/" + u.ID
	if walk.Check(u.Path) != nil || shown(u.Path) != u.Path {
		u.Path = ""
	}
	u.DropIns = slices.DeleteFunc(u.DropIns, func(path string) bool { return walk.Check(path) != nil || shown(path) != path })
	u.DropIns = u.DropIns[:min(len(u.DropIns), 100)]
	return u
}

func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > longestText {
		text = strings.ToValidUTF8(text[:longestText], "")
	}
	return text
}

// Ours says whether a unit of systemd's is in our hands.
func (m *Managers) Ours(unit string) bool { return m.system.Ours(unit) }
