package account

import (
	"context"
	"strings"
	"unicode/utf8"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// maxOthers is how many keys that nobody wants are named.
const maxOthers = 50

// wantedKeys are the keys with which a user can log in.
type wantedKeys struct {
	user              string
	keys              []key
	absent, exclusive bool
	expect            string
}

func readKeys(item wire.Object) (*wantedKeys, error) {
	a := command.Read(item)
	w := &wantedKeys{user: named(a, "user"), absent: a.Bool("absent", false), exclusive: a.Bool("exclusive", false), expect: a.Text("expect")}
	for _, line := range a.Strings("keys") {
		k, ok := parse(line)
		if !ok || strings.ContainsAny(line, "\n\r\x00") {
			a.Fail("keys", "not each is a public key in one line, as of authorized_keys")
			break
		}
		w.keys = append(w.keys, k)
	}
	return w, a.Err()
}

// within does something with the file of a user's keys, as that user.
func (f *family) within(db *database, u *user, work func(*keyFile) error) error {
	var gids []uint32
	for _, name := range db.groupsOf(u.name) {
		gids = append(gids, db.group(name).gid)
	}
	return as(u, gids, func() error {
		file := &keyFile{user: u}
		defer file.close()
		if err := file.open(); err != nil {
			return err
		}
		return work(file)
	})
}

func (f *family) statKeys(db *database, item wire.Object) (wire.Object, error) {
	w, err := readKeys(item)
	if err != nil {
		return nil, err
	}
	u := db.user(w.user)
	if u == nil {
		why := fault.New(fault.UnknownOwner, "there is no user %q in /etc/passwd on this target", w.user)
		return wire.Object{wire.F("exists", false), wire.F("obstacles", wire.Array{why.About("user:" + w.user)})}, nil
	}
	var reply wire.Object
	subjects := []string{"user:" + u.name}
	if u.place != "" {
		path := (&keyFile{user: u}).path()
		reply = wire.Object{wire.F("path", path)}
		subjects = []string{"path:" + u.place + "/" + directory, "path:" + u.place, "path:" + path, "user:" + u.name}
	}
	var seen wire.Object
	err = f.within(db, u, func(file *keyFile) error {
		seen = w.compare(file)
		return nil
	})
	if err == nil {
		return append(reply, seen...), nil
	}
	why := fault.From(err, u.home)
	return append(reply, wire.F("exists", false), wire.F("obstacles", wire.Array{why.About(subjects...)})), nil
}

// compare says which of the wanted keys are there, and with `exclusive` which others.
func (w *wantedKeys) compare(file *keyFile) wire.Object {
	there := wire.Array{}
	var foreign wire.Array
	surplus := 0
	for i := range w.keys {
		found, options := 0, ""
		for line := range strings.SplitSeq(file.content, "\n") {
			if k, ok := parse(line); ok && k.is(&w.keys[i]) {
				if found++; found == 1 || k.options != w.keys[i].options {
					options = k.options
				}
			}
		}
		one := wire.Object{wire.F("fingerprint", w.keys[i].fingerprint()), wire.F("count", found)}
		if found > 0 {
			one = append(one, wire.F("options", options))
		}
		there = append(there, one)
	}
	for line := range strings.SplitSeq(file.content, "\n") {
		k, ok := parse(line)
		text := strings.TrimSpace(line)
		if !w.exclusive || text == "" || text[0] == '#' || ok && w.wants(&k) {
			continue
		}
		if len(foreign) == maxOthers {
			surplus++
			continue
		}
		told := "a line that is no key"
		if ok {
			told = k.fingerprint() + " " + shortened(k.comment)
		}
		foreign = append(foreign, strings.TrimSpace(told))
	}
	reply := wire.Object{
		wire.F("exists", file.mode != 0), wire.F("keys", there), wire.F("loose", file.loose()), wire.F("state", file.state()),
		wire.F("differs", file.loose() && !w.absent || w.edit(file.content) != file.content),
	}
	if len(foreign) > 0 {
		reply = append(reply, wire.F("others", foreign), wire.F("more", surplus))
	}
	return reply
}

// maxListed is how many keys of a user are listed.
const maxListed = 500

// listKeys says which keys let a user in; where the file is not the user's own, or not there, there is none to tell of.
func (f *family) listKeys(db *database, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	name := named(a, "user")
	if err := a.Err(); err != nil {
		return nil, err
	}
	listed := wire.Array{}
	u := db.user(name)
	if u == nil {
		return wire.Object{wire.F("keys", listed)}, nil
	}
	found := make(chan wire.Array, 1)
	err := f.within(db, u, func(file *keyFile) error {
		var all wire.Array
		for line := range strings.SplitSeq(file.content, "\n") {
			if k, ok := parse(line); ok && utf8.ValidString(line) && len(all) < maxListed {
				options := k.options
				k.options = ""
				all = append(all, wire.Object{wire.F("key", k.String()), wire.F("options", options)})
			}
		}
		found <- all
		return nil
	})
	if err == nil {
		listed = append(listed, <-found...)
	}
	return wire.Object{wire.F("keys", listed)}, nil
}

func (w *wantedKeys) wants(k *key) bool {
	for i := range w.keys {
		if w.keys[i].is(k) {
			return true
		}
	}
	return false
}

func (w *wantedKeys) edit(content string) string {
	return edited(content, w.keys, w.absent, w.exclusive)
}

// shortened: what somebody has written behind a key is told as far as a person reads.
func shortened(comment string) string {
	const most = 80
	visible := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, comment)
	if len(visible) > most {
		return strings.ToValidUTF8(visible[:most], "") + "…"
	}
	return visible
}

func (f *family) ensureKeys(_ context.Context, item wire.Object) (wire.Object, error) {
	w, err := readKeys(item)
	if err != nil {
		return nil, err
	}
	db, err := f.fresh()
	if err != nil {
		return nil, err
	}
	u := db.user(w.user)
	if u == nil {
		return nil, fault.New(fault.UnknownOwner, "there is no user %q in /etc/passwd on this target", w.user)
	}
	wrote := false
	err = f.within(db, u, func(file *keyFile) error {
		if w.expect != "" && w.expect != file.state() {
			return fault.New(fault.Conflict, "%s is not as expected", file.path())
		}
		content := w.edit(file.content)
		if content == file.content && (w.absent || !file.loose()) {
			return nil
		}
		wrote = true
		done := f.host.Own.Begin(file.path())
		err := file.write(f.host, content)
		done(file.dir, fileName)
		return err
	})
	return changed(wrote), err
}
