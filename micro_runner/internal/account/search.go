package account

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/wire"
)

// search collects what is in the way of one account.
type search struct {
	db     *database
	names  *owner.Names
	found  wire.Array
	faults []*fault.Fault
}

func (s *search) add(obstacle *fault.Fault, subjects ...string) {
	s.found, s.faults = append(s.found, obstacle.About(subjects...)), append(s.faults, obstacle)
}

// tools: only root can change accounts, and only with the distribution's own programs.
func (s *search) tools(programs ...string) {
	if os.Geteuid() != 0 {
		s.add(fault.New(fault.Permission, "only root can change accounts"))
	}
	for _, program := range programs {
		if why, places := execute.Lacks(program, "/", nil); why != nil {
			subjects := make([]string, len(places))
			for i, place := range places {
				subjects[i] = "path:" + place
			}
			s.add(fault.New(why.Code, "there is no %s on this target, with which accounts are changed (the package passwd or shadow has it; busybox's adduser does less)", program), subjects...)
			return
		}
	}
}

// numberOfUser: a number is never taken from somebody else, whoever that is.
func (s *search) numberOfUser(uid uint32, name string) {
	if other := s.db.who(uid); other != nil {
		if other.name != name {
			s.add(fault.New(fault.Taken, "the number %d is that of the user %s", uid, other.name), "user:"+other.name)
		}
	} else if other := s.names.User(uid); other != decimal(uid) && other != name {
		s.add(fault.New(fault.Taken, "the number %d is that of the user %s, who is known through the name service", uid, other), "user:"+other)
	}
}

func (s *search) numberOfGroup(gid uint32, name string) {
	if other := s.db.which(gid); other != nil {
		if other.name != name {
			s.add(fault.New(fault.Taken, "the number %d is that of the group %s", gid, other.name), "group:"+other.name)
		}
	} else if other := s.names.Group(gid); other != decimal(gid) && other != name {
		s.add(fault.New(fault.Taken, "the number %d is that of the group %s, which is known through the name service", gid, other), "group:"+other)
	}
}

// program: whoever has a shell that is not there cannot log in.
func (s *search) program(shell string) {
	if !exists(shell) {
		s.add(fault.New(fault.NotFound, "%s does not exist: who has that shell could not log in; install what brings it first, or name one of /etc/shells", shell), "path:"+shell)
	}
}

// exists also says so of what does not answer, as a home on a server that is gone: nothing is made in its place.
func exists(path string) bool {
	found := make(chan bool, 1)
	go func() {
		_, err := os.Stat(path)
		found <- err == nil
	}()
	select {
	case there := <-found:
		return there
	case <-time.After(answering):
		return true
	}
}

func decimal(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func isNumber(text string) bool {
	_, ok := number(text)
	return ok
}

// connected is who logged in, where the runner became root with sudo.
func connected() string { return os.Getenv("SUDO_USER") }

var name = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.@-]*\$?$`)

// longestName is without a dollar sign at its end.
const longestName = 32

// isName: what useradd takes, and what is no option and no path to it. A number may stand for a group.
func isName(text string) bool {
	return len(strings.TrimSuffix(text, "$")) <= longestName && name.MatchString(text) && text != "." && text != ".."
}

func isField(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r == ':' || r < ' ' || r == 0x7f })
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}
