package account

import (
	"slices"
	"strconv"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// wantedUser is how a user is to be; what is not said is as it is.
type wantedUser struct {
	absent      bool
	uid         int // command.Keep: not said
	group       string
	groups      []string
	listed      bool // whether groups are said
	exact       bool
	system      bool
	home        string
	createHome  bool
	moveHome    bool
	shell       string
	comment     string
	commented   bool
	password    digest.Sum
	hasPassword bool
	locked      bool
	lockSaid    bool
	linger      bool
	lingerSaid  bool
	expires     string
}

func readUser(fields wire.Object) (*wantedUser, error) {
	a := command.Read(fields)
	w := &wantedUser{
		absent: a.Bool("absent", false), uid: a.Number("uid"), group: a.Text("group"), groups: a.Strings("groups"), listed: a.Has("groups"),
		exact: a.Bool("exact", false), system: a.Bool("system", false), home: a.Text("home"), createHome: a.Bool("create_home", false),
		moveHome: a.Bool("move_home", false), shell: a.Text("shell"), comment: a.Text("comment"), commented: a.Has("comment"),
		locked: a.Bool("locked", false), lockSaid: a.Has("locked"), linger: a.Bool("linger", false), lingerSaid: a.Has("linger"), expires: a.Text("expires"),
	}
	w.password, w.hasPassword = a.Digest("blob")
	for _, name := range append([]string{w.group}, w.groups...) {
		if name != "" && !isName(name) {
			a.Fail("groups", strconv.Quote(name)+" is no name")
		}
	}
	for field, text := range map[string]string{"home": w.home, "shell": w.shell, "comment": w.comment} {
		if !isField(text) {
			a.Fail(field, "a colon or a control character cannot stand in passwd")
		}
	}
	if w.expires != "" && w.expires != never && !isDay(w.expires) {
		a.Fail("expires", "neither never nor a day such as 2027-01-31")
	}
	return w, a.Err()
}

// obstacles are what keeps a user from becoming what is wanted.
func (w *wantedUser) obstacles(s *search, name string, there *user) {
	if w.absent {
		w.removal(s, name, there)
		return
	}
	if w.asIs(s, there) {
		return
	}
	s.tools("useradd", "usermod")
	w.lingering(s, name)
	if there == nil {
		if uid, err := s.names.UID(name); err == nil && !isNumber(name) {
			s.add(fault.New(fault.NotLocal, "%s is known through the name service (/etc/nsswitch.conf), with the number %d, and is none of /etc/passwd; it is changed where it comes from", name, uid), "user:"+name)
		}
	}
	if w.uid != command.Keep && (there == nil || int(there.uid) != w.uid) {
		if there != nil && there.uid == 0 {
			s.add(fault.New(fault.Protected, "%s has the number 0: it is not taken away", name))
		}
		s.numberOfUser(uint32(w.uid), name)
	}
	for _, group := range append([]string{w.group}, w.groups...) {
		if group != "" && s.db.find(group) == nil {
			s.add(fault.New(fault.UnknownOwner, "there is no group %q in /etc/group on this target", group), "group:"+group)
		}
	}
	if w.shell != "" && (there == nil || there.shell != w.shell) {
		s.program(w.shell)
	}
}

// asIs says whether nothing would have to be done, as far as the files say.
func (w *wantedUser) asIs(s *search, there *user) bool {
	if there == nil {
		return false
	}
	if w.uid != command.Keep && w.uid != int(there.uid) || w.home != "" && w.home != there.home || w.shell != "" && w.shell != there.shell ||
		w.commented && w.comment != there.comment || w.group != "" && s.db.find(w.group) != s.db.which(there.gid) || w.regroups(s.db, there) ||
		w.lacksHome(there) || w.relingers(there.name) {
		return false
	}
	secret, err := s.db.secret(there)
	return err == nil && !w.changesSecret(secret)
}

func (w *wantedUser) lacksHome(there *user) bool {
	home := w.home
	if home == "" {
		home = there.home
	}
	return w.createHome && !exists(home)
}

func (w *wantedUser) changesSecret(secret shadow) bool {
	return w.expires != "" && w.expires != secret.expires || w.relocks(secret.password) || w.hasPassword && !w.isPassword(secret.password)
}

// relocks: what has no hash behind its mark cannot be unlocked, and nobody comes in by it.
func (w *wantedUser) relocks(password string) bool {
	locked, hash := parted(password)
	return w.lockSaid && w.locked != locked && (w.locked || isHash(hash))
}

func (w *wantedUser) isPassword(password string) bool {
	_, hash := parted(password)
	return digest.Of([]byte(hash)) == w.password || digest.Of([]byte(hash+"\n")) == w.password
}

// regroups says whether the groups that a user is listed in have to change.
func (w *wantedUser) regroups(db *database, there *user) bool {
	if !w.listed {
		return false
	}
	listed, primary := db.groupsOf(there.name), db.groupName(there.gid)
	for _, one := range w.groups {
		if found := db.find(one); found == nil || found.name != primary && !slices.Contains(listed, found.name) {
			return true
		}
	}
	return w.exact && slices.ContainsFunc(listed, func(one string) bool {
		return one != primary && !slices.ContainsFunc(w.groups, func(name string) bool { found := db.find(name); return found != nil && found.name == one })
	})
}

func (w *wantedUser) removal(s *search, name string, there *user) {
	if there == nil {
		return
	}
	s.tools("userdel")
	if there.uid == 0 {
		s.add(fault.New(fault.Protected, "%s has the number 0: it is not removed", name))
	}
	if who := connected(); who != "" && who == name {
		s.add(fault.New(fault.Protected, "%s is who is connected: not removed, since nobody could connect any more", name))
	}
}

// wantedGroup is how a group is to be.
type wantedGroup struct {
	absent, system bool
	gid            int
}

func readGroup(fields wire.Object) (*wantedGroup, error) {
	a := command.Read(fields)
	w := &wantedGroup{absent: a.Bool("absent", false), system: a.Bool("system", false), gid: a.Number("gid")}
	return w, a.Err()
}

func (w *wantedGroup) obstacles(s *search, name string, there *group) {
	if w.absent {
		w.removal(s, name, there)
		return
	}
	if there != nil && (w.gid == command.Keep || w.gid == int(there.gid)) {
		return
	}
	s.tools("groupadd", "groupmod")
	if there == nil {
		if gid, err := s.names.GID(name); err == nil && !isNumber(name) {
			s.add(fault.New(fault.NotLocal, "the group %s is known through the name service (/etc/nsswitch.conf), with the number %d, and is none of /etc/group; it is changed where it comes from", name, gid), "group:"+name)
		}
	}
	if there != nil && there.gid == 0 {
		s.add(fault.New(fault.Protected, "the group %s has the number 0: it is not taken away", name))
	}
	if w.gid != command.Keep {
		s.numberOfGroup(uint32(w.gid), name)
	}
}

func (w *wantedGroup) removal(s *search, name string, there *group) {
	if there == nil {
		return
	}
	s.tools("groupdel")
	if there.gid == 0 {
		s.add(fault.New(fault.Protected, "the group %s has the number 0: it is not removed", name))
	}
	for i := range s.db.users {
		if one := &s.db.users[i]; one.gid == there.gid {
			s.add(fault.New(fault.Taken, "the group %s is the primary group of the user %s", name, one.name), "user:"+one.name)
			return
		}
	}
}
