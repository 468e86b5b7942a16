package boot

import (
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const (
	directory = "/var/lib/froyo"
	place     = directory + "/boot"

	most    = 16 // causes that are kept, the newest first
	longest = 8192
)

// note is for what a host was started anew: a line `NAME BOOT` of what was asked for last, and one for each of the last causes.
type note struct {
	asked
	causes []asked
}

// asked is a name, and the boot in which it was to end by that.
type asked struct {
	id, boot string
}

// tried are the causes for which the host was started anew in an earlier boot than this one.
func (n note) tried(boot string) wire.Array {
	found := wire.Array{}
	for _, cause := range n.causes {
		if cause.boot != boot {
			found = append(found, cause.id)
		}
	}
	return found
}

// isDone is whether the host was started anew for just this, or for each of some causes by now.
func (n note) isDone(id string, causes []string, boot string) bool {
	if n.id == id && n.boot != boot {
		return true
	}
	tried := n.tried(boot)
	return len(causes) > 0 && !slices.ContainsFunc(causes, func(cause string) bool { return !slices.Contains(tried, any(cause)) })
}

// next is the note of another attempt. A cause that was tried already stays so, should this one come to nothing.
func (n note) next(id string, causes []string, boot string) note {
	after := note{asked: asked{id, boot}}
	for _, cause := range causes {
		at := slices.IndexFunc(n.causes, func(one asked) bool { return one.id == cause })
		if at < 0 {
			after.causes = append(after.causes, asked{cause, boot})
		} else {
			after.causes = append(after.causes, n.causes[at])
		}
	}
	for _, one := range n.causes {
		if !slices.Contains(causes, one.id) {
			after.causes = append(after.causes, one)
		}
	}
	after.causes = after.causes[:min(len(after.causes), most)]
	return after
}

// noted is what is on the disk; nothing where that is not ours.
func (h *host) noted() (found note) {
	file, err := os.OpenFile(h.root+place, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return found
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return found
	}
	text, _ := io.ReadAll(io.LimitReader(file, longest))
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 2 || !command.IsID(words[0]) {
			return found
		}
		if one := (asked{words[0], words[1]}); found.id == "" {
			found.asked = one
		} else {
			found.causes = append(found.causes, one)
		}
	}
	return found
}

// note puts on the disk for what the host is started anew now, so that it survives that.
func (h *host) note(what note) error {
	if err := os.Mkdir(h.root+directory, 0o700); err != nil && !os.IsExist(err) {
		return fault.From(err, directory)
	}
	info, err := os.Lstat(h.root + directory)
	if err != nil || !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fault.New(fault.NotTheirs, "%s is no directory of root's alone", directory)
	}
	draft := h.root + place + ".new"
	_ = os.Remove(draft)
	file, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.From(err, place)
	}
	text := ""
	for _, one := range append([]asked{what.asked}, what.causes...) {
		text += one.id + " " + one.boot + "\n"
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	_ = file.Close()
	if err == nil {
		err = os.Rename(draft, h.root+place)
	}
	if err == nil {
		var above *os.File
		if above, err = os.Open(h.root + directory); err == nil {
			err = above.Sync()
			_ = above.Close()
		}
	}
	if err != nil {
		return fault.From(err, place)
	}
	return nil
}
