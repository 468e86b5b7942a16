// Package owner turns names of users and groups into numbers and back.
//
// /etc/passwd and /etc/group are read directly, since a static binary has no name service switch; what they do not have is asked
// of `getent`, which knows directories such as LDAP. Invariant: a number without a name is its own name, in decimal.
package owner

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

const (
	getentPatience = 2 * time.Second
	getentMemory   = time.Minute // also for what it does not know
)

// Names is both databases. It may be used from any goroutine.
type Names struct {
	users, groups database
}

// NewNames reads the system's databases when they are first needed.
func NewNames() *Names {
	return &Names{users: database{kind: "passwd", path: "/etc/passwd"}, groups: database{kind: "group", path: "/etc/group"}}
}

// Refresh looks whether the databases have changed. Once a command is often enough.
func (n *Names) Refresh() {
	n.users.refresh()
	n.groups.refresh()
}

// Generation is another number whenever a name may have changed: when a database has, or is asked of a directory service, which may say
// something else the next time.
func (n *Names) Generation() uint64 { return n.users.generation.Load() + n.groups.generation.Load() }

// User gives the name of a user.
func (n *Names) User(uid uint32) string { return n.users.name(uid) }

// Group gives the name of a group.
func (n *Names) Group(gid uint32) string { return n.groups.name(gid) }

// UID gives the number of a user, known by name or, where no such name exists, by its decimal digits.
func (n *Names) UID(name string) (uint32, error) { return n.users.number(name, "user") }

// GID gives the number of a group, likewise.
func (n *Names) GID(name string) (uint32, error) { return n.groups.number(name, "group") }

type answer struct {
	id    uint32
	name  string
	known bool
	until time.Time
}

type database struct {
	kind, path string

	generation atomic.Uint64

	mu      sync.Mutex
	read    bool
	stat    sys.Stat
	byName  map[string]uint32
	byID    map[uint32]string
	answers map[string]answer // of getent, by what was asked
}

func (d *database) refresh() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.load()
}

func (d *database) load() {
	stat, err := sys.Statat(sys.AtFdCwd, d.path)
	if d.read && err == nil && stat.Unmoved(&d.stat) {
		return
	}
	d.generation.Add(1)
	d.read, d.stat, d.answers = true, stat, map[string]answer{}
	d.byName, d.byID = map[string]uint32{}, map[uint32]string{}
	content, err := os.ReadFile(d.path)
	if err != nil {
		return // a minimal system may have none
	}
	for line := range strings.SplitSeq(string(content), "\n") {
		name, id, ok := parse(line)
		if !ok {
			continue
		}
		if _, there := d.byName[name]; !there {
			d.byName[name] = id
		}
		if _, there := d.byID[id]; !there {
			d.byID[id] = name
		}
	}
}

// parse reads a line of either database: name:password:number:…
func parse(line string) (name string, id uint32, ok bool) {
	fields := strings.SplitN(line, ":", 4)
	if len(fields) < 3 || fields[0] == "" || fields[0][0] == '+' || fields[0][0] == '-' {
		return "", 0, false
	}
	n, err := strconv.ParseUint(fields[2], 10, 32)
	return fields[0], uint32(n), err == nil
}

func (d *database) name(id uint32) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.read {
		d.load()
	}
	if name, ok := d.byID[id]; ok {
		return name
	}
	decimal := strconv.FormatUint(uint64(id), 10)
	if found := d.getent(decimal); found.known && found.id == id {
		return found.name
	}
	return decimal
}

func (d *database) number(name, what string) (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.read {
		d.load()
	}
	if id, ok := d.byName[name]; ok {
		return id, nil
	}
	n, err := strconv.ParseUint(name, 10, 32)
	if err == nil && uint32(n) != ^uint32(0) { // which means "keep" to chown
		return uint32(n), nil
	}
	if found := d.getent(name); found.known && found.name == name {
		return found.id, nil
	}
	return 0, fault.New(fault.UnknownOwner, "there is no %s named %q on this target", what, name)
}

func (d *database) getent(key string) answer {
	if known, ok := d.answers[key]; ok && time.Now().Before(known.until) {
		return known
	}
	d.generation.Add(1)
	var found answer
	if key != "" && key[0] != '-' {
		ctx, cancel := context.WithTimeout(context.Background(), getentPatience)
		defer cancel()
		out, err := exec.CommandContext(ctx, "getent", d.kind, key).Output()
		if err == nil {
			found.name, found.id, found.known = parse(strings.TrimSpace(string(out)))
		}
	}
	found.until = time.Now().Add(getentMemory)
	d.answers[key] = found
	return found
}
