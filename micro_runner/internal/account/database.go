package account

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/walk"
)

// database is what the files passwd, group and shadow say. Of two lines with one name the first counts, as for the system itself.
type database struct {
	users  []user
	groups []group
	// shadows are by name; hidden is why there are none.
	shadows map[string]shadow
	hidden  error
}

type user struct {
	name                 string
	uid, gid             uint32
	comment, home, shell string
	place                string // the home as a path; "" where it is none
	password             string // of passwd itself: "x" where it is in shadow
}

type group struct {
	name    string
	gid     uint32
	members []string
}

type shadow struct {
	password string
	expires  string // "never", or the first day on which nobody can log in, such as 2027-01-31
}

// never says that an account does not expire.
const never = "never"

func load(etc string) (*database, error) {
	d := &database{shadows: map[string]shadow{}}
	for fields, err := range lines(filepath.Join(etc, "passwd"), 7) {
		if err != nil {
			return nil, err
		}
		uid, one := number(fields[2])
		gid, other := number(fields[3])
		if one && other && d.user(fields[0]) == nil {
			d.users = append(d.users, user{
				name: fields[0], password: fields[1], uid: uid, gid: gid, comment: fields[4], home: fields[5], shell: fields[6], place: place(fields[5]),
			})
		}
	}
	for fields, err := range lines(filepath.Join(etc, "group"), 4) {
		if err != nil {
			return nil, err
		}
		if gid, ok := number(fields[2]); ok && d.group(fields[0]) == nil {
			d.groups = append(d.groups, group{name: fields[0], gid: gid, members: split(fields[3])})
		}
	}
	for fields, err := range lines(filepath.Join(etc, "shadow"), 8) {
		if err != nil {
			d.hidden = err
			break
		}
		if _, there := d.shadows[fields[0]]; !there {
			d.shadows[fields[0]] = shadow{password: fields[1], expires: day(fields[7])}
		}
	}
	return d, nil
}

// lines gives the fields of each line of a database; what is none, and what is for a directory service (`+`), is left out.
func lines(file string, least int) func(yield func([]string, error) bool) {
	return func(yield func([]string, error) bool) {
		content, err := os.ReadFile(file)
		if err != nil {
			if !os.IsNotExist(err) {
				yield(nil, fault.From(err, file))
			}
			return
		}
		for line := range strings.SplitSeq(string(content), "\n") {
			fields := strings.Split(line, ":")
			if len(fields) < least || fields[0] == "" || strings.ContainsAny(fields[0][:1], "+-#") {
				continue
			}
			if !yield(fields, nil) {
				return
			}
		}
	}
}

// place is a home in the one spelling of a path; "" where it is none.
func place(home string) string {
	if clean := path.Clean(home); walk.Check(clean) == nil && clean != "/" {
		return clean
	}
	return ""
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func day(text string) string {
	days, err := strconv.ParseInt(text, 10, 32)
	if err != nil || days < 0 {
		return never
	}
	return time.Unix(days*24*60*60, 0).UTC().Format(time.DateOnly)
}

func (d *database) user(name string) *user {
	for i := range d.users {
		if d.users[i].name == name {
			return &d.users[i]
		}
	}
	return nil
}

func (d *database) group(name string) *group {
	for i := range d.groups {
		if d.groups[i].name == name {
			return &d.groups[i]
		}
	}
	return nil
}

// who has a number.
func (d *database) who(uid uint32) *user {
	for i := range d.users {
		if d.users[i].uid == uid {
			return &d.users[i]
		}
	}
	return nil
}

func (d *database) which(gid uint32) *group {
	for i := range d.groups {
		if d.groups[i].gid == gid {
			return &d.groups[i]
		}
	}
	return nil
}

// groupsOf are the names of the groups that a user is listed in, sorted.
func (d *database) groupsOf(name string) []string {
	var names []string
	for i := range d.groups {
		if slices.Contains(d.groups[i].members, name) && !slices.Contains(names, d.groups[i].name) {
			names = append(names, d.groups[i].name)
		}
	}
	slices.Sort(names)
	return names
}

// groupName is the name of a group, or its number where it has none.
func (d *database) groupName(gid uint32) string {
	if found := d.which(gid); found != nil {
		return found.name
	}
	return strconv.FormatUint(uint64(gid), 10)
}

// find gives the group that is meant by a name or, where there is none of that name, by a number.
func (d *database) find(text string) *group {
	if found := d.group(text); found != nil {
		return found
	}
	if gid, ok := number(text); ok {
		return d.which(gid)
	}
	return nil
}

// secret is what stands for a user's password.
func (d *database) secret(u *user) (shadow, error) {
	if s, ok := d.shadows[u.name]; ok {
		return s, nil
	}
	if d.hidden != nil {
		return shadow{}, d.hidden
	}
	return shadow{password: u.password, expires: never}, nil
}

// The parts of what stands for a password: a mark of being locked, and the hash behind it.
func parted(password string) (locked bool, hash string) {
	rest := strings.TrimLeft(password, "!")
	return rest != password, rest
}

// isHash: nobody has the password for which `*`, `x` or nothing stands.
func isHash(text string) bool { return len(text) >= 13 && !strings.ContainsAny(text, "*!: \n") }
