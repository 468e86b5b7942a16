// Package attr changes owner and mode of what exists.
//
// Invariants: what changes hands keeps no access control list. The former owner made it, or could have. And at no moment may the new
// owner or group do what neither they were meant to, nor could before.
package attr

import (
	"os"
	"syscall"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/sys"
)

// Set changes what differs, on a descriptor of any kind.
func Set(fd sys.FD, now *sys.Stat, uid, gid, mode int) error {
	if now.Is(syscall.S_IFLNK) || !changes(uid, now.UID) && !changes(gid, now.GID) { // links have no lists
		return give(fd, now, uid, gid, mode)
	}
	narrowed := *now
	narrowed.Mode = now.Mode&syscall.S_IFMT | narrow(now, uid, gid, mode)
	if err := Mode(fd, int(narrowed.Mode&0o7777)); err != nil {
		return err
	}
	err := handOver(fd, &narrowed, uid, gid, mode)
	if err != nil && narrowed.Mode != now.Mode {
		// Who has kept it is to keep what they could do. What has changed hands after all is left to the next look.
		if there, failed := sys.Fstat(fd); failed == nil && there.UID == now.UID && there.GID == now.GID {
			_ = sys.Chmod(fd, now.Mode&0o7777)
		}
	}
	return err
}

// narrow is the mode with which something can change hands, which comes before the mode that is wanted: without what the old owner or group
// could do and the new one is not to. A secret of 0640 that goes to a group of users as 0600 would be theirs to read for a moment, and for
// good where the runner is cut short. What others can do stays: it is not they who change.
func narrow(now *sys.Stat, uid, gid, mode int) uint32 {
	had := now.Mode & 0o7777
	if mode == command.Keep {
		return had
	}
	var theirs uint32
	if changes(uid, now.UID) {
		theirs |= syscall.S_ISUID | 0o700
	}
	if changes(gid, now.GID) {
		theirs |= syscall.S_ISGID | 0o070
	}
	return had &^ (theirs &^ uint32(mode))
}

// Begin sets owner and mode of a directory that has just been made in another one. The lists that it was given there it keeps, if nobody
// else has a say in them.
func Begin(fd sys.FD, fresh, above *sys.Stat, uid, gid, mode int) error {
	owner := uid
	if owner == command.Keep {
		owner = int(fresh.UID)
	}
	// Where others can write, somebody may have put one of his own into its place meanwhile.
	if int(fresh.UID) == os.Geteuid() && acl.MayInherit(above, owner) {
		return give(fd, fresh, uid, gid, mode)
	}
	return handOver(fd, fresh, uid, gid, mode)
}

// handOver changes owner and mode without leaving any list.
func handOver(fd sys.FD, now *sys.Stat, uid, gid, mode int) error {
	// What is another's loses its lists before, too, or a runner that is cut short would leave them to an owner who is right by then,
	// with nothing to do any more; and afterwards, since until then he could put them back.
	if int(now.UID) != os.Geteuid() {
		if err := acl.Remove(fd); err != nil {
			return err
		}
	}
	if err := give(fd, now, uid, gid, command.Keep); err != nil {
		return err
	}
	if err := acl.Remove(fd); err != nil {
		return err
	}
	return Mode(fd, mode)
}

// Mode sets the permission bits, if they differ: there are file systems that refuse even what would change nothing.
func Mode(fd sys.FD, mode int) error {
	if mode == command.Keep {
		return nil
	}
	now, err := sys.Fstat(fd)
	if err != nil || int(now.Mode&0o7777) == mode {
		return err
	}
	return sys.Chmod(fd, uint32(mode))
}

// give comes to the owner first: changing it takes setuid bits away.
func give(fd sys.FD, now *sys.Stat, uid, gid, mode int) error {
	if !changes(uid, now.UID) {
		uid = command.Keep
	}
	if !changes(gid, now.GID) {
		gid = command.Keep
	}
	if uid != command.Keep || gid != command.Keep {
		if err := sys.Chownat(fd, "", uid, gid); err != nil {
			return err
		}
		return Mode(fd, mode)
	}
	if mode != command.Keep && mode != int(now.Mode&0o7777) {
		return sys.Chmod(fd, uint32(mode))
	}
	return nil
}

func changes(wanted int, now uint32) bool { return wanted != command.Keep && wanted != int(now) }
