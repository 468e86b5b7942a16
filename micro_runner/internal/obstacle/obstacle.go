package obstacle

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/dirs"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// search collects the obstacles of one path.
type search struct {
	*Wanted
	names  *owner.Names
	dir    sys.FD
	name   string
	path   string
	holder sys.Stat // of the directory
	there  *entry.Entry
	found  wire.Array
}

func (s *search) add(obstacle *fault.Fault, subjects ...string) {
	s.found = append(s.found, obstacle.About(subjects...))
}

// Missing lists what keeps one from a path to whose directory there is no way; why is where that ended.
func (w *Wanted) Missing(path string, why *fault.Fault, names *owner.Names) wire.Array {
	if w.kind == entry.Absent {
		return nil
	}
	s := search{Wanted: w, names: names, path: path, there: &entry.Entry{Type: entry.Absent}}
	directory, _ := walk.Split(path)
	for i, at := range walk.Lacking(directory) {
		if i == 0 && why.Code == fault.NotDirectory {
			s.add(fault.New(fault.NotDirectory, "%s is not a directory", at), "path:"+at)
		} else {
			s.add(fault.New(fault.NotFound, "%s does not exist", at), "path:"+at)
		}
	}
	s.accounts(create)
	s.programs(create)
	return s.found
}

// At lists what keeps a name in a directory, where there is something or nothing, from becoming what is wanted.
func (w *Wanted) At(ctx context.Context, dir sys.FD, name, path string, there *entry.Entry, names *owner.Names) wire.Array {
	change := w.of(there, names)
	if change == nothing {
		return nil
	}
	s := search{Wanted: w, names: names, dir: dir, name: name, path: path, there: there}
	var err error
	if s.holder, err = sys.Fstat(dir); err != nil {
		return nil
	}
	if change == adjust {
		s.inPlace()
	} else {
		s.directory(change)
		s.inTheWay(ctx, change)
	}
	s.accounts(change)
	s.programs(change)
	return s.found
}

// inPlace: what is there can be given another owner or mode, wherever it is.
func (s *search) inPlace() {
	fd, err := sys.Openat(s.dir, s.name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer fd.Close()
	if sys.ReadOnly(fd) {
		s.add(fault.From(syscall.EROFS, s.path))
	}
	mine := int(s.there.Stat.UID) == os.Geteuid()
	if s.setsMode(s.there) && !mine && !sys.Capable(sys.CapFowner) {
		s.add(fault.From(syscall.EPERM, s.path))
	}
}

// directory: entries can be made in the directory, and taken out of it.
func (s *search) directory(change change) {
	takesOut := change != create || s.kind == entry.Symlink || s.program != "" // what has a temporary name loses it
	around, _ := walk.Split(s.path)
	err := sys.CanWrite(s.dir)
	switch {
	case errors.Is(err, syscall.EROFS):
		s.add(fault.From(err, s.path))
	case s.holder.Immutable && (takesOut || !s.holder.AppendOnly):
		s.add(entry.Fixed(s.path), "path:"+around)
	case err != nil:
		s.add(fault.From(err, s.path), "path:"+around)
	case change != create && s.keptForOwners():
		s.add(fault.New(fault.Permission, "%s: in a directory with the sticky bit, only its owner can replace or remove it", s.path), "path:"+around)
	}
}

func (s *search) keptForOwners() bool {
	me := os.Geteuid()
	return s.holder.Mode&syscall.S_ISVTX != 0 && int(s.holder.UID) != me && int(s.there.Stat.UID) != me && !sys.Capable(sys.CapFowner)
}

// inTheWay: what is there can go.
func (s *search) inTheWay(ctx context.Context, change change) {
	switch {
	case s.there.Type == entry.Directory:
		// What is in it is watched with it.
		if obstacle := dirs.Fixed(ctx, s.dir, s.name, s.path, &s.there.Stat, s.tree); obstacle != nil {
			s.add(obstacle, "path:"+s.path+"/")
		}
	case change == replace && s.there.Type == entry.File && s.backup != "":
		there, err := sys.Statat(s.dir, s.name+s.backup)
		if errors.Is(err, syscall.ENAMETOOLONG) {
			s.add(fault.New(fault.NameTooLong, "%s%s: the backup's name is too long, choose a shorter suffix", s.path, s.backup))
		} else if err == nil && there.Is(syscall.S_IFDIR) {
			s.add(fault.New(fault.IsDirectory, "%s%s is a directory", s.path, s.backup), "path:"+s.path+s.backup)
		}
	}
}

// accounts: there are the user and the group, and it can be given to them.
func (s *search) accounts(change change) {
	if change == remove {
		return
	}
	uid, known := s.number(s.uid, s.owner, "user", s.names.UID, change == create || s.givesAway(s.there, s.names))
	now := os.Geteuid()
	if s.there.Type != entry.Absent && change != create {
		now = int(s.there.Stat.UID)
	}
	if known && uid != command.Keep && uid != now && !sys.Capable(sys.CapChown) {
		s.add(fault.New(fault.Permission, "%s: only root can give it to another user", s.path))
	}
	gid, known := s.number(s.gid, s.group, "group", s.names.GID, change == create || s.regroups(s.there, s.names))
	if known && gid != command.Keep && gid != int(s.there.Stat.GID) && !sys.Capable(sys.CapChown) && !mine(gid) {
		s.add(fault.New(fault.Permission, "%s: only root can give it to a group that one is not in", s.path))
	}
}

// number is that of an account; one that does not exist is an obstacle.
func (s *search) number(number int, name, scheme string, find func(string) (uint32, error), matters bool) (int, bool) {
	if number != command.Keep || name == "" || !matters {
		return number, matters
	}
	id, err := find(name)
	if err != nil {
		s.add(fault.From(err, s.path), scheme+":"+name)
	}
	return int(id), err == nil
}

// mine says whether one is in a group.
func mine(gid int) bool {
	groups, err := os.Getgroups()
	return gid == os.Getegid() || err != nil || slices.Contains(groups, gid)
}

// programs: what is to look at the content is there.
func (s *search) programs(change change) {
	if s.program == "" || change != create && change != replace || strings.Contains(s.program, "%s") {
		return
	}
	why, places := execute.Lacks(s.program, "/", nil)
	if why == nil {
		return
	}
	subjects := make([]string, len(places))
	for i, place := range places {
		subjects[i] = "path:" + place
	}
	s.add(why, subjects...)
}
