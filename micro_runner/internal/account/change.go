package account

import (
	"context"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// changed is the reply of what writes.
func changed(is bool) wire.Object { return wire.Object{wire.F("changed", is)} }

func (f *family) ensureUser(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "user")
	if err := a.Err(); err != nil {
		return nil, err
	}
	w, err := readUser(item)
	if err != nil {
		return nil, err
	}
	hash, err := f.hash(a.Text("blob"))
	if err != nil {
		return nil, err
	}
	db, err := f.fresh()
	if err != nil {
		return nil, err
	}
	there := db.user(name)
	now, err := w.describe(db, there)
	if err == nil {
		err = expected(a, name, now)
	}
	if err == nil {
		err = first(f, db, func(s *search) { w.obstacles(s, name, there) })
	}
	if err != nil || there != nil && w.asIs(&search{db: db, names: f.host.Names}, there) {
		return changed(false), err
	}
	if there == nil {
		if err := f.run(ctx, append(w.creation(db, name), name), nil); err != nil {
			return nil, err
		}
		if db, err = f.fresh(); err != nil {
			return nil, err
		}
		if there = db.user(name); there == nil {
			return nil, fault.New(fault.ToolFailed, "useradd has succeeded, and there is no user %s in /etc/passwd", name)
		}
	}
	secret, err := db.secret(there)
	if err != nil {
		return nil, err
	}
	if hash != "" && !w.isPassword(secret.password) {
		if locked, _ := parted(secret.password); w.locked || !w.lockSaid && locked && isHash(strings.TrimLeft(secret.password, "!")) {
			hash = "!" + hash // at no moment is it open
		}
		if err := f.run(ctx, []string{"chpasswd", "-e"}, []byte(name+":"+hash+"\n")); err != nil {
			return nil, err
		}
		if db, err = f.fresh(); err != nil {
			return nil, err
		}
		there = db.user(name)
	}
	if there != nil {
		if arguments := w.modification(db, there); len(arguments) > 1 {
			if err := f.run(ctx, append(arguments, name), nil); err != nil {
				return nil, err
			}
		}
	}
	if w.createHome {
		if db, err = f.fresh(); err != nil {
			return nil, err
		}
		if there = db.user(name); there != nil && !exists(there.home) {
			if err := makeHome(there, f.etc); err != nil {
				return nil, err
			}
		}
	}
	if w.relingers(name) {
		if err := f.setLinger(ctx, name, w.linger); err != nil {
			return nil, err
		}
	}
	return changed(true), nil
}

// crypted is a hash as crypt(5) has it.
var crypted = regexp.MustCompile(`^\$[0-9a-z]+\$[./0-9A-Za-z$,=+_-]{20,}$`)

// hash is the body that holds what is to stand for a password.
func (f *family) hash(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	body, err := f.host.Blobs.Open(name)
	if err != nil {
		return "", err
	}
	defer f.host.Blobs.Close(body)
	buffer := make([]byte, 1024)
	n, _ := body.At().ReadAt(buffer, 0)
	hash := strings.TrimSuffix(string(buffer[:n]), "\n")
	if !crypted.MatchString(hash) {
		return "", fault.New(fault.BadRequest, "what is declared is no hash of a password such as $y$… or $6$…; `mkpasswd` and `openssl passwd -6` make one")
	}
	return hash, nil
}

func (f *family) fresh() (*database, error) {
	f.host.Names.Refresh()
	return load(f.etc)
}

// first is the first of what is in the way, if there is anything.
func first(f *family, db *database, look func(*search)) error {
	s := search{db: db, names: f.host.Names}
	look(&s)
	if len(s.faults) > 0 {
		return s.faults[0]
	}
	return nil
}

// creation is the command line that makes a user, without the name.
func (w *wantedUser) creation(db *database, name string) []string {
	argv := []string{"useradd"}
	if w.system {
		argv = append(argv, "-r")
	}
	if w.uid != command.Keep {
		argv = append(argv, "-u", decimal(uint32(w.uid)))
	}
	switch {
	case w.group != "":
		argv = append(argv, "-g", db.find(w.group).name)
	case db.group(name) != nil: // which would be in the way of one of the user's own
		argv = append(argv, "-g", name)
	}
	if names := w.memberships(db); len(names) > 0 {
		argv = append(argv, "-G", strings.Join(names, ","))
	}
	if w.home != "" {
		argv = append(argv, "-d", w.home)
	}
	if w.createHome {
		argv = append(argv, "-m")
	} else {
		argv = append(argv, "-M")
	}
	if w.shell != "" {
		argv = append(argv, "-s", w.shell)
	}
	if w.commented {
		argv = append(argv, "-c", w.comment)
	}
	if w.expires != "" && w.expires != never {
		argv = append(argv, "-e", w.expires)
	}
	return argv
}

// memberships are the names of the groups that are wanted, of which some may have been said by number.
func (w *wantedUser) memberships(db *database) []string {
	var names []string
	for _, one := range w.groups {
		names = append(names, db.find(one).name)
	}
	return names
}

// modification is the command line that puts right what differs, without the name.
func (w *wantedUser) modification(db *database, there *user) []string {
	argv := []string{"usermod"}
	if w.uid != command.Keep && w.uid != int(there.uid) {
		argv = append(argv, "-u", decimal(uint32(w.uid)))
	}
	if w.group != "" {
		if found := db.find(w.group); found.gid != there.gid {
			argv = append(argv, "-g", found.name)
		}
	}
	if w.regroups(db, there) {
		if !w.exact {
			argv = append(argv, "-a")
		}
		argv = append(argv, "-G", strings.Join(w.memberships(db), ","))
	}
	if w.home != "" && w.home != there.home {
		argv = append(argv, "-d", w.home)
		if w.moveHome && exists(there.home) {
			argv = append(argv, "-m")
		}
	}
	if w.shell != "" && w.shell != there.shell {
		argv = append(argv, "-s", w.shell)
	}
	if w.commented && w.comment != there.comment {
		argv = append(argv, "-c", w.comment)
	}
	secret, err := db.secret(there)
	if err != nil {
		return argv
	}
	if w.expires != "" && w.expires != secret.expires {
		argv = append(argv, "-e", strings.TrimPrefix(w.expires, never))
	}
	if w.relocks(secret.password) {
		if w.locked {
			argv = append(argv, "-L")
		} else {
			argv = append(argv, "-U")
		}
	}
	return argv
}

func (f *family) removeUser(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "user")
	home := a.Bool("home", false)
	if err := a.Err(); err != nil {
		return nil, err
	}
	db, err := f.fresh()
	if err != nil {
		return nil, err
	}
	w := &wantedUser{absent: true, uid: command.Keep}
	there := db.user(name)
	now, err := w.describe(db, there)
	if err == nil {
		err = expected(a, name, now)
	}
	if err == nil {
		err = first(f, db, func(s *search) { w.obstacles(s, name, there) })
	}
	if err != nil || there == nil {
		return changed(false), err
	}
	if lingers(name) { // else the manager that it keeps running would be in the way
		if err := f.setLinger(ctx, name, false); err != nil {
			return nil, err
		}
		leave(ctx, there.uid)
	}
	argv := []string{"userdel"}
	if home {
		argv = append(argv, "-r")
	}
	if err := f.run(ctx, append(argv, name), nil); err != nil {
		return nil, err
	}
	return changed(true), nil
}

func (f *family) ensureGroup(ctx context.Context, item wire.Object) (wire.Object, error) {
	w, err := readGroup(item)
	if err != nil {
		return nil, err
	}
	return f.changeGroup(ctx, item, w, func(name string, there *group) []string {
		argv := []string{"groupmod"}
		if there == nil {
			argv[0] = "groupadd"
			if w.system {
				argv = append(argv, "-r")
			}
		} else if w.gid == command.Keep || w.gid == int(there.gid) {
			return nil
		}
		if w.gid != command.Keep {
			argv = append(argv, "-g", decimal(uint32(w.gid)))
		}
		return append(argv, name)
	})
}

func (f *family) removeGroup(ctx context.Context, item wire.Object) (wire.Object, error) {
	return f.changeGroup(ctx, item, &wantedGroup{absent: true, gid: command.Keep}, func(name string, there *group) []string {
		if there == nil {
			return nil
		}
		return []string{"groupdel", name}
	})
}

func (f *family) changeGroup(ctx context.Context, item wire.Object, w *wantedGroup, line func(string, *group) []string) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "group")
	if err := a.Err(); err != nil {
		return nil, err
	}
	db, err := f.fresh()
	if err != nil {
		return nil, err
	}
	there := db.group(name)
	if err := expected(a, name, describeGroup(there)); err != nil {
		return nil, err
	}
	if err := first(f, db, func(s *search) { w.obstacles(s, name, there) }); err != nil {
		return nil, err
	}
	argv := line(name, there)
	if argv == nil {
		return changed(false), nil
	}
	if err := f.run(ctx, argv, nil); err != nil {
		return nil, err
	}
	return changed(true), nil
}
