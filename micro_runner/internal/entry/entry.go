// Package entry is what there is at a path: the reply of file.stat, and the state that a compare-and-swap compares.
//
// Invariant: an Entry says nothing that moves while the world stands still, and State covers exactly what the protocol's §6 lists.
package entry

import (
	"fmt"
	"syscall"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/wire"
)

// Type is what kind of thing it is.
type Type string

// The types of the protocol.
const (
	Absent    Type = "absent"
	File      Type = "file"
	Directory Type = "directory"
	Symlink   Type = "symlink"
	Other     Type = "other"
)

// TypeOf reads the type from a mode.
func TypeOf(mode uint32) Type {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return File
	case syscall.S_IFDIR:
		return Directory
	case syscall.S_IFLNK:
		return Symlink
	}
	return Other
}

// Entry is what there is at a path, as far as it was looked at.
type Entry struct {
	Type      Type
	Stat      sys.Stat // zero when absent
	Digest    digest.Sum
	Digested  bool
	To        string
	Text      string
	WithText  bool
	Content   []byte // where all of it was wanted; nil when there is more
	Timed     bool   // its time is told
	MountedOn bool
	Obstacles wire.Array // to what it is wanted to be
	Loses     wire.Array // what of it would be lost on the way there
}

// Mode writes permission bits as the protocol has them.
func Mode(mode uint32) string { return fmt.Sprintf("%04o", mode&0o7777) }

var absentState = digest.Of(wire.Append(nil, wire.Array{string(Absent)})).String()

// State is what `expect` compares; "" for a regular file whose digest was not asked for.
func (e *Entry) State() string {
	if e.Type == Absent {
		return absentState
	}
	state := wire.Array{string(e.Type), Mode(e.Stat.Mode), int64(e.Stat.UID), int64(e.Stat.GID), nil, nil, nil}
	switch e.Type {
	case File:
		if !e.Digested {
			return ""
		}
		state[4], state[5] = e.Stat.Size, e.Digest.String()
	case Symlink:
		state[6] = e.To
	}
	return digest.Of(wire.Append(make([]byte, 0, 256), state)).String()
}

// Reply is the entry as it travels.
func (e *Entry) Reply(names *owner.Names) wire.Object {
	if e.Type == Absent {
		reply := wire.Object{wire.F("exists", false)}
		if e.Obstacles != nil {
			reply = append(reply, wire.F("obstacles", e.Obstacles))
		}
		return append(reply, wire.F("state", absentState))
	}
	reply := make(wire.Object, 0, 14)
	if e.Digested {
		reply = append(reply, wire.F("digest", e.Digest.String()))
	}
	reply = append(reply, wire.F("exists", true), wire.F("gid", int64(e.Stat.GID)), wire.F("group", names.Group(e.Stat.GID)))
	if e.Stat.Immutable {
		reply = append(reply, wire.F("immutable", true))
	}
	if e.Loses != nil {
		reply = append(reply, wire.F("loses", e.Loses))
	}
	reply = append(reply, wire.F("mode", Mode(e.Stat.Mode)))
	if e.MountedOn {
		reply = append(reply, wire.F("mountpoint", true))
	}
	if e.Obstacles != nil {
		reply = append(reply, wire.F("obstacles", e.Obstacles))
	}
	if e.Timed && !e.Stat.Mtime.Ahead() {
		reply = append(reply, wire.F("mtime_us", e.Stat.Mtime.Sec*1_000_000+int64(e.Stat.Mtime.Nsec)/1000))
	}
	reply = append(reply, wire.F("owner", names.User(e.Stat.UID)))
	if e.Type == File {
		reply = append(reply, wire.F("size", e.Stat.Size))
	}
	if state := e.State(); state != "" {
		reply = append(reply, wire.F("state", state))
	}
	if e.WithText {
		reply = append(reply, wire.F("text", e.Text))
	}
	if e.Type == Symlink {
		reply = append(reply, wire.F("to", e.To))
	}
	return append(reply, wire.F("type", string(e.Type)), wire.F("uid", int64(e.Stat.UID)))
}
