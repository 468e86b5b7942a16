// Package evidence finds out who a process is, from what /proc tells while it lives.
//
// Invariant: nothing is guessed. What could not be read is left out, and of a process that had gone before it was looked up only the
// id is said, and that it has ended.
package evidence

import (
	"strconv"
	"strings"
	"sync"
	"syscall"

	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/wire"
)

const (
	maxCommand = 512 // bytes of a command line
	maxParents = 16
	noLogin    = "4294967295"
)

// Evidence is who changed something, as far as that is known.
type Evidence struct {
	Command string
	PID     int // 0: not known, or outside of this container
	User    string
	Login   string // the user who logged in, where that is another one
	Parents []string
	Began   string // the command line of the program that somebody ran and that has led to it, where that is another one
	Unit    string
	Session string
	Ended   bool
	Source  string // fanotify, inotify
}

// Value is the evidence as it travels: what is not known is left out.
func (e *Evidence) Value() wire.Object {
	value := make(wire.Object, 0, 10)
	add := func(key, text string) {
		if text != "" {
			value = append(value, wire.F(key, text))
		}
	}
	add("began", e.Began)
	add("command", e.Command)
	if e.Ended {
		value = append(value, wire.F("ended", true))
	}
	add("login", e.Login)
	if len(e.Parents) > 0 {
		parents := make(wire.Array, len(e.Parents))
		for i, parent := range e.Parents {
			parents[i] = parent
		}
		value = append(value, wire.F("parents", parents))
	}
	if e.PID != 0 {
		value = append(value, wire.F("pid", e.PID))
	}
	add("session", e.Session)
	add("source", e.Source)
	add("unit", e.Unit)
	add("user", e.User)
	return value
}

// lookup asks /proc about a process. It takes a few dozen short reads, some 0.2 ms.
func lookup(root string, pid int, names *owner.Names) Evidence {
	e := Evidence{PID: pid}
	directory := root + "/" + strconv.Itoa(pid)
	// What goes first when a process ends is read first.
	commandLine := read(directory + "/cmdline")
	status := parseStatus(read(directory + "/status"))
	if status == nil {
		e.Ended = true
		return e
	}
	e.Command = command(commandLine)
	if e.Command == "" { // it has ended and is waited for, or is a thread of the kernel
		e.Command, e.Ended = status.name, strings.HasPrefix(status.state, "Z") || strings.HasPrefix(status.state, "X")
	}
	if uid, ok := number(status.user); ok {
		e.User = names.User(uid)
	}
	if text := strings.TrimSpace(read(directory + "/loginuid")); text != noLogin {
		if uid, ok := number(text); ok {
			if login := names.User(uid); login != e.User {
				e.Login = login
			}
		}
	}
	e.Unit = unit(read(directory + "/cgroup"))
	var trusted bool
	e.Session, trusted = e.ancestors(root, status.parent, sshClient(read(directory+"/environ")), names)
	// Whoever starts a process says what is in its environment: where not only root has had a say, it is a claim.
	if e.Session != "" && !(trusted && status.root && e.Login == "") {
		e.Session = "claims " + e.Session
	}
	return e
}

// ancestors follows the parent chain up to the first process. It gives the nearest session that an environment tells of, and whether the
// chain is known up to there and all of it root's.
//
// On the way it notes which program somebody has run, such as apt-get for dpkg: the last before a shell, or before who starts what
// nobody has asked for by hand. Whoever is root and comes of a process that is not has become root by that user's hand.
func (e *Evidence) ancestors(root, parent, session string, names *owner.Names) (string, bool) {
	trusted, began := true, ""
	defer func() {
		if began != "" {
			e.Began = command(read(root + "/" + began + "/cmdline"))
		}
	}()
	beginning := true
	for parent != "" && parent != "0" {
		if len(e.Parents) == maxParents {
			return session, false
		}
		directory := root + "/" + parent
		status := parseStatus(read(directory + "/status"))
		if status == nil {
			return session, false
		}
		e.Parents = append(e.Parents, status.name)
		if uid, ok := number(status.user); ok && uid != 0 && e.Login == "" && e.User == "root" {
			e.Login = names.User(uid)
		}
		if beginning = beginning && !seats[status.name] && parent != "1"; beginning {
			began = parent
		}
		if session == "" {
			session = sshClient(read(directory + "/environ"))
		}
		trusted = trusted && status.root
		parent = status.parent
	}
	return session, trusted
}

// seats are the programs, as the kernel names them, at which people and the system begin others.
var seats = set(
	"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "sudo", "su", "doas", "runuser", "login", "sshd", "sshd-session", "tmux: server",
	"screen", "script", "systemd", "init", "cron", "crond", "atd", "run-parts", "at", "nsenter", "unshare", "containerd-shim", "conmon", "runc",
)

func set(names ...string) map[string]bool {
	found := make(map[string]bool, len(names))
	for _, name := range names {
		found[name] = true
	}
	return found
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// read takes up to 64 KiB of a file below /proc, in three system calls: every microsecond counts before the process is gone.
func read(path string) string {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer syscall.Close(fd)
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	n, err := syscall.Read(fd, *buffer)
	if err != nil {
		return ""
	}
	return string((*buffer)[:n])
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}

func field(text string, i int) string {
	if fields := strings.Fields(text); i < len(fields) {
		return fields[i]
	}
	return ""
}

// status is what is needed of /proc/PID/status.
type status struct {
	name, state, parent, user string
	root                      bool // in every respect, and not by set-user-ID
}

// parseStatus reads /proc/PID/status; nil when there is none.
func parseStatus(content string) *status {
	if content == "" {
		return nil
	}
	var s status
	for line := range strings.SplitSeq(content, "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			s.name = value
		case "State":
			s.state = value
		case "PPid":
			s.parent = value
		case "Uid": // real, effective, saved, of the file system; nothing of interest comes after it
			s.user = field(value, 1)
			s.root = strings.Join(strings.Fields(value), " ") == "0 0 0 0"
			return &s
		}
	}
	return &s
}

// command makes a command line fit for a line of text.
func command(raw string) string {
	arguments := strings.Split(strings.TrimRight(raw, "\x00"), "\x00")
	text := strings.ToValidUTF8(strings.Join(arguments, " "), "\ufffd")
	var clean strings.Builder
	for _, r := range text {
		if clean.Len() >= maxCommand {
			clean.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			clean.WriteByte(' ')
		case r < ' ' || r == 0x7f:
			clean.WriteRune('\ufffd')
		default:
			clean.WriteRune(r)
		}
	}
	return strings.TrimSpace(clean.String())
}

// sshClient reads the address of a session's client from an environment.
func sshClient(environment string) string {
	for variable := range strings.SplitSeq(environment, "\x00") {
		if connection, ok := strings.CutPrefix(variable, "SSH_CONNECTION="); ok {
			if address := field(connection, 0); address != "" && len(address) < 64 {
				return "ssh from " + strings.ToValidUTF8(address, "")
			}
		}
	}
	return ""
}

// unit reads what systemd unit or container a process belongs to from /proc/PID/cgroup.
func unit(cgroups string) string {
	path := ""
	for line := range strings.SplitSeq(cgroups, "\n") {
		// hierarchy:controllers:path; systemd's own is the unified one, or a named one beside the old ones.
		parts := strings.SplitN(line, ":", 3)
		if len(parts) == 3 && (parts[1] == "name=systemd" || parts[0] == "0" && path == "") {
			path = parts[2]
		}
	}
	if container := container(path); container != "" {
		return container
	}
	unit := ""
	for part := range strings.SplitSeq(path, "/") {
		for _, kind := range []string{".service", ".scope", ".socket", ".mount"} {
			if strings.HasSuffix(part, kind) {
				unit = part
			}
		}
	}
	return unit
}

var runtimes = []string{"docker", "libpod", "cri-containerd", "crio", "lxc"}

// container recognizes the paths that container runtimes make: docker-ID.scope, docker/ID, kubepods/…/ID, machine-NAME.scope.
func container(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		name := strings.TrimSuffix(part, ".scope")
		for _, runtime := range runtimes {
			if id, ok := strings.CutPrefix(name, runtime+"-"); ok && isID(id) {
				return runtime + " " + id[:12]
			}
			if part == runtime && i+1 < len(parts) && runtime == "lxc" {
				return "lxc " + parts[i+1]
			}
			if part == runtime && i+1 < len(parts) && isID(parts[i+1]) {
				return runtime + " " + parts[i+1][:12]
			}
		}
		if strings.HasPrefix(part, "kubepods") && isID(parts[len(parts)-1]) {
			return "pod container " + parts[len(parts)-1][:12]
		}
		if machine, ok := strings.CutPrefix(name, "machine-"); ok && strings.HasSuffix(part, ".scope") {
			return "machine " + machine
		}
	}
	return ""
}

func isID(text string) bool {
	if len(text) < 32 {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
