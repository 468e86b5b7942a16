package archive

import (
	"context"
	"path"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const writableByOthers = 0o022

// rules say what of an archive is to be where, and whose.
type rules struct {
	path               string
	strip              int
	include, except    globs
	spared             map[string]bool // names that are somebody else's concern, with all below them
	uid, gid           int
	fileMode, dirsMode int // command.Keep: as in the archive
	setID, purge       bool
}

// chosen are the members by their names below the directory, a directory before what is in it.
func (r *rules) chosen(all []member) ([]member, error) {
	t := newTree(1 << 62)
	folded := map[string]string{}
	for _, m := range all {
		name, rest, ok := m.name, m.name, true
		for range r.strip {
			if _, rest, ok = strings.Cut(rest, "/"); !ok {
				break
			}
		}
		if name = rest; !ok || r.except.has(name) || len(r.include) > 0 && !r.include.has(name) || r.spares(name) {
			continue
		}
		if m.copyOf == "" {
			m.copyOf = m.name // where its content comes from
		}
		m.name = name
		if before, twice := t.members[name]; twice && (before.kind != entry.Directory || m.kind != entry.Directory) {
			return nil, bad("with strip: %d two members have the name %s", r.strip, name)
		}
		if m.mode&setID != 0 && m.kind != entry.Symlink && !r.setID {
			return nil, bad("%s is setuid or setgid; setuid: true keeps that", name)
		}
		if err := t.add(m); err != nil {
			return nil, err
		}
	}
	members := t.sorted()
	for _, m := range members {
		lower := strings.ToLower(m.name)
		if other, clash := folded[lower]; clash {
			return nil, bad("%s and %s differ in upper and lower case only; except leaves one of them out", other, m.name)
		}
		folded[lower] = m.name
	}
	if len(members) == 0 {
		return nil, bad("nothing in it is chosen by strip, include and except")
	}
	return members, nil
}

func (r *rules) spares(name string) bool {
	for ; len(r.spared) > 0 && name != "."; name = path.Dir(name) {
		if r.spared[name] {
			return true
		}
	}
	return false
}

// mode is what something is to have; what is made by whoever packed it so that everybody can write to it is not.
func (r *rules) mode(m *member) uint32 {
	switch {
	case m.kind == entry.Directory && r.dirsMode != command.Keep:
		return uint32(r.dirsMode)
	case m.kind == entry.Directory:
		return m.mode&0o7777&^writableByOthers | 0o700
	case r.fileMode != command.Keep:
		return uint32(r.fileMode)
	}
	return m.mode & (setID | 0o777) &^ writableByOthers
}

// found is what there is, as file.stat tells it.
type found struct {
	kind                 entry.Type
	mode                 uint32
	uid, gid             int64
	digest, to, state    string
	mountpoint, fixed    bool
	ownerName, groupName string
}

func foundIn(reply wire.Object) found {
	text := func(key string) string { value, _ := reply.Get(key); text, _ := value.(string); return text }
	flag := func(key string) bool { value, _ := reply.Get(key); flag, _ := value.(bool); return flag }
	number := func(key string) int64 {
		value, _ := reply.Get(key)
		n, _ := wire.Int(value, 0, wire.MaxInteger)
		return n
	}
	f := found{kind: entry.Absent, state: text("state")}
	if flag("exists") {
		mode, _ := strconv.ParseUint(text("mode"), 8, 32)
		f = found{
			kind: entry.Type(text("type")), mode: uint32(mode), uid: number("uid"), gid: number("gid"), digest: text("digest"), to: text("to"),
			state: f.state, mountpoint: flag("mountpoint"), fixed: flag("immutable"), ownerName: text("owner"), groupName: text("group"),
		}
	}
	return f
}

// difference is one thing that is not as it is to be.
type difference struct{ name, field, before, after string }

// change is all that there is to be done about one name.
type change struct {
	member  member
	there   found
	content bool // it is to be made, or made anew
	purge   bool
}

// comparison is how a tree differs from what it is to be.
type comparison struct {
	differences []difference
	changes     []change
	refused     error
	top         bool // the directory itself is not there
	lost        int  // files whose content goes
}

func (c *comparison) note(name, field, before, after string) {
	c.differences = append(c.differences, difference{name, field, before, after})
}

// state tells one comparison from another; "" where nothing differs.
func (c *comparison) state() string {
	if len(c.differences) == 0 {
		return ""
	}
	all := make(wire.Array, len(c.differences))
	for i, d := range c.differences {
		all[i] = wire.Array{d.name, d.field, d.before, d.after}
	}
	return digest.Of(wire.Append(nil, all)).String()
}

// compare looks at everything that the members are to be.
func (u *unpacking) compare(ctx context.Context, members []member) (*comparison, error) {
	c := &comparison{}
	items := make([]wire.Object, 0, len(members)+1)
	items = append(items, wire.Object{wire.F("path", u.path)})
	for _, m := range members {
		items = append(items, wire.Object{wire.F("path", u.path+"/"+m.name)})
	}
	replies, err := u.ask(ctx, "file.stat", items)
	if err != nil {
		return nil, err
	}
	for i, reply := range replies {
		if reply.err != nil && reply.err.Code != fault.NotDirectory && reply.err.Code != fault.NotFound {
			return nil, reply.err
		}
		there := found{kind: entry.Absent}
		if reply.err == nil {
			there = foundIn(reply.ok)
		}
		if i == 0 {
			u.compareTop(c, there)
		} else {
			u.compareOne(c, members[i-1], there)
		}
	}
	if u.purge {
		err = u.compareRest(ctx, c, members)
	}
	return c, err
}

func (u *unpacking) compareTop(c *comparison, there found) {
	top := member{kind: entry.Directory, mode: 0o755}
	switch there.kind {
	case entry.Absent:
		c.top = true
		c.note("", "", "", "directory")
		c.changes = append(c.changes, change{member: top, there: there, content: true})
	case entry.Directory:
		if diffs := u.owners("", there); len(diffs) > 0 {
			c.differences = append(c.differences, diffs...)
			c.changes = append(c.changes, change{member: top, there: there})
		}
	default:
		c.refused = fault.New(fault.NotDirectory, "%s is no directory; take away what is there", u.path)
	}
}

func (u *unpacking) owners(name string, there found) []difference {
	var diffs []difference
	if u.uid != command.Keep && int64(u.uid) != there.uid {
		diffs = append(diffs, difference{name, "owner", there.ownerName, u.host.Names.User(uint32(u.uid))})
	}
	if u.gid != command.Keep && int64(u.gid) != there.gid {
		diffs = append(diffs, difference{name, "group", there.groupName, u.host.Names.Group(uint32(u.gid))})
	}
	return diffs
}

func (u *unpacking) compareOne(c *comparison, m member, there found) {
	here := change{member: m, there: there}
	before := len(c.differences)
	switch {
	case there.kind == entry.Absent:
		here.content = true
		c.note(m.name, "", "", string(m.kind))
	case there.kind != m.kind && (there.kind == entry.Directory || m.kind == entry.Directory || there.kind == entry.Other):
		if c.refused == nil {
			c.refused = fault.New(fault.WrongType, "%s/%s is a %s, and in the archive a %s; take it away, or let except leave it out", u.path, m.name, there.kind, m.kind)
		}
		c.note(m.name, "type", string(there.kind), string(m.kind))
	case there.kind != m.kind:
		here.content = true
		c.note(m.name, "type", string(there.kind), string(m.kind))
		if there.kind == entry.File {
			c.lost++
		}
	case m.kind == entry.Symlink:
		if here.content = there.to != m.to; here.content {
			c.note(m.name, "to", there.to, m.to)
		}
		c.differences = append(c.differences, u.owners(m.name, there)...)
	default:
		if m.kind == entry.File && there.digest != m.digest.String() {
			here.content = true
			c.lost++
			c.note(m.name, "content", there.digest, m.digest.String())
		}
		if !u.modeIsFine(&m, there.mode) {
			c.note(m.name, "mode", entry.Mode(there.mode), entry.Mode(u.mode(&m)))
		}
		c.differences = append(c.differences, u.owners(m.name, there)...)
	}
	if len(c.differences) == before {
		return
	}
	if there.fixed && c.refused == nil {
		c.refused = entry.Immutable(u.path + "/" + m.name)
	}
	if there.mountpoint && here.content && c.refused == nil {
		c.refused = fault.New(fault.MountPoint, "%s/%s is a mount point; let except leave it out", u.path, m.name)
	}
	c.changes = append(c.changes, here)
}

// modeIsFine: a directory that is there may be shared with others, so that its mode counts only where one is declared; and of files root's tar
// keeps what the archive has.
func (u *unpacking) modeIsFine(m *member, mode uint32) bool {
	switch {
	case mode == u.mode(m):
		return true
	case m.kind == entry.Directory:
		return u.dirsMode == command.Keep
	}
	return u.fileMode == command.Keep && mode == m.mode
}

// compareRest finds what is there besides.
func (u *unpacking) compareRest(ctx context.Context, c *comparison, members []member) error {
	replies, err := u.ask(ctx, "dir.list", []wire.Object{{wire.F("path", u.path), wire.F("recursive", true)}})
	if err != nil {
		return err
	}
	if why := replies[0].err; why != nil {
		if why.Code == fault.NotFound || why.Code == fault.NotDirectory {
			return nil
		}
		return why
	}
	if cut, _ := replies[0].ok.Get("truncated"); cut == true {
		return fault.New(fault.NotSupported, "%s has more than %d entries below it, too many for purge", u.path, maxMembers)
	}
	wanted := make(map[string]bool, len(members))
	for _, m := range members {
		wanted[m.name] = true
	}
	listed, _ := replies[0].ok.Get("entries")
	entries, _ := listed.(wire.Array)
	leading, closed := map[string]bool{}, map[string]bool{}
	for name := range u.spared {
		for above := path.Dir(name); above != "."; above = path.Dir(above) {
			leading[above] = true
		}
	}
	type one struct {
		name  string
		there found
	}
	var rest []one
	for _, value := range entries {
		object, _ := value.(wire.Object)
		named, _ := object.Get("name")
		name, _ := named.(string)
		there := foundIn(append(object, wire.F("exists", true)))
		rest = append(rest, one{name, there})
		if there.mountpoint || u.except.has(name) {
			for above := path.Dir(name); above != "."; above = path.Dir(above) {
				leading[above] = true
			}
		}
	}
	for _, e := range rest {
		if closed[path.Dir(e.name)] {
			closed[e.name] = true
			if e.there.kind == entry.File && !u.kept(e.name, e.there) {
				c.lost++
			}
			continue
		}
		if wanted[e.name] || leading[e.name] {
			continue
		}
		closed[e.name] = true
		if u.kept(e.name, e.there) {
			continue
		}
		if e.there.fixed && c.refused == nil {
			c.refused = entry.Immutable(u.path + "/" + e.name)
		}
		if e.there.kind == entry.File {
			c.lost++
		}
		c.note(e.name, "", string(e.there.kind), "")
		c.changes = append(c.changes, change{member: member{name: e.name, kind: e.there.kind}, there: e.there, purge: true})
	}
	return nil
}

// kept says whether something that the archive does not have stays in spite of purge.
func (u *unpacking) kept(name string, there found) bool {
	return there.mountpoint || u.except.has(name) || u.spares(name)
}
