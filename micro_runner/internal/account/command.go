// Package account is users and groups: how they are, what is in the way of a change, and the change by the distribution's own programs.
//
// Invariants: what stands for a password leaves the target in no form, and reaches a program over its standard input alone. What a
// number or a name belongs to is never taken from somebody else. Reading changes nothing.
package account

import (
	"context"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

var (
	ofUser  = []command.Names{{Argument: "user", Scheme: "user"}}
	ofGroup = []command.Names{{Argument: "group", Scheme: "group"}}
)

// Commands is the family.
func Commands(host *command.Host) []command.Command { return commandsAt(host, "/etc") }

func commandsAt(host *command.Host, etc string) []command.Command {
	f := &family{host: host, etc: etc}
	return []command.Command{
		{Name: "user.stat", Names: ofUser, Replays: true, Run: f.reading(f.statUser)},
		{Name: "user.ensure", Names: ofUser, Writes: true, Run: f.writing(f.ensureUser)},
		{Name: "user.remove", Names: ofUser, Writes: true, Run: f.writing(f.removeUser)},
		{Name: "key.stat", Names: ofUser, Replays: true, Run: f.reading(f.statKeys)},
		{Name: "key.list", Names: ofUser, Replays: true, Run: f.reading(f.listKeys)},
		{Name: "key.ensure", Names: ofUser, Writes: true, Run: f.writing(f.ensureKeys)},
		{Name: "group.stat", Names: ofGroup, Replays: true, Run: f.reading(f.statGroup)},
		{Name: "group.ensure", Names: ofGroup, Writes: true, Run: f.writing(f.ensureGroup)},
		{Name: "group.remove", Names: ofGroup, Writes: true, Run: f.writing(f.removeGroup)},
	}
}

type family struct {
	host *command.Host
	etc  string
}

// reading has the databases read once for all items.
func (f *family) reading(one func(*database, wire.Object) (wire.Object, error)) func(context.Context, *command.Call) (wire.Array, error) {
	return func(ctx context.Context, call *command.Call) (wire.Array, error) {
		f.host.Names.Refresh()
		db, err := load(f.etc)
		if err != nil {
			return nil, err
		}
		return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(db, item) })
	}
}

func (f *family) writing(one func(context.Context, wire.Object) (wire.Object, error)) func(context.Context, *command.Call) (wire.Array, error) {
	return func(ctx context.Context, call *command.Call) (wire.Array, error) {
		return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(ctx, item) })
	}
}

// named reads the name of an account.
func named(a *command.Arguments, field string) string {
	text := a.Text(field)
	if !isName(text) {
		a.Fail(field, "no name of an account")
	}
	return text
}

func (f *family) statUser(db *database, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "user")
	fields := a.Object("wanted")
	if err := a.Err(); err != nil {
		return nil, err
	}
	wanted, err := readUser(fields)
	if err != nil {
		return nil, err
	}
	there := db.user(name)
	reply, err := wanted.describe(db, there)
	if err != nil {
		return nil, err
	}
	s := search{db: db, names: f.host.Names}
	if fields != nil {
		wanted.obstacles(&s, name, there)
	}
	return withObstacles(reply, s.found), nil
}

// says of a password what may be told: whether there is none, one, or the wanted one.
func (w *wantedUser) says(password string) string {
	_, hash := parted(password)
	switch {
	case password == "":
		return "empty"
	case !isHash(hash):
		return "none"
	case w.hasPassword && w.isPassword(password):
		return "wanted"
	}
	return "set"
}

// describe is how a user is, with what can be known of the password.
func (w *wantedUser) describe(db *database, there *user) (wire.Object, error) {
	if there == nil {
		return withState(wire.Object{wire.F("exists", false)}), nil
	}
	groups := wire.Array{}
	for _, one := range db.groupsOf(there.name) {
		groups = append(groups, one)
	}
	reply := wire.Object{
		wire.F("exists", true), wire.F("uid", int64(there.uid)), wire.F("gid", int64(there.gid)), wire.F("group", db.groupName(there.gid)),
		wire.F("groups", groups), wire.F("comment", there.comment), wire.F("home", there.home), wire.F("shell", there.shell),
	}
	secret, err := db.secret(there)
	switch {
	case err == nil:
		locked, _ := parted(secret.password)
		reply = append(reply, wire.F("expires", secret.expires), wire.F("locked", locked))
	case w.hasPassword || w.lockSaid || w.expires != "":
		return nil, err
	}
	reply = withState(reply)
	if err == nil {
		reply = append(reply, wire.F("password", w.says(secret.password)))
	}
	if w.createHome {
		reply = append(reply, wire.F("home_missing", w.lacksHome(there)))
	}
	if w.lingerSaid {
		reply = append(reply, wire.F("linger", lingers(there.name)))
	}
	return reply, nil
}

func (f *family) statGroup(db *database, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "group")
	fields := a.Object("wanted")
	if err := a.Err(); err != nil {
		return nil, err
	}
	wanted, err := readGroup(fields)
	if err != nil {
		return nil, err
	}
	there := db.group(name)
	reply := describeGroup(there)
	s := search{db: db, names: f.host.Names}
	if fields != nil {
		wanted.obstacles(&s, name, there)
	}
	return withObstacles(reply, s.found), nil
}

func describeGroup(there *group) wire.Object {
	if there == nil {
		return withState(wire.Object{wire.F("exists", false)})
	}
	return withState(wire.Object{wire.F("exists", true), wire.F("gid", int64(there.gid))})
}

// withState adds what `expect` compares. Of a password there is nothing in it.
func withState(reply wire.Object) wire.Object {
	return append(reply, wire.F("state", digest.Of(wire.Append(nil, reply)).String()))
}

func withObstacles(reply wire.Object, found wire.Array) wire.Object {
	if len(found) == 0 {
		return reply
	}
	return append(reply, wire.F("obstacles", found))
}

// expected compares what the plan saw with what there is.
func expected(item *command.Arguments, name string, now wire.Object) error {
	expect := item.Text("expect")
	if state, _ := now.Get("state"); expect != "" && expect != state {
		return fault.New(fault.Conflict, "%s is not as expected", name)
	}
	return item.Err()
}
