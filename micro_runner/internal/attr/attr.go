// Package attr changes owner and mode of what exists.
package attr

import (
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/sys"
)

// Set changes what differs, on a descriptor of any kind. The owner comes first: changing it takes setuid bits away.
func Set(fd sys.FD, now *sys.Stat, uid, gid, mode int) error {
	if uid == int(now.UID) {
		uid = command.Keep
	}
	if gid == int(now.GID) {
		gid = command.Keep
	}
	chown := uid != command.Keep || gid != command.Keep
	if chown {
		if err := sys.Chownat(fd, "", uid, gid); err != nil {
			return err
		}
	}
	if mode != command.Keep && (chown || mode != int(now.Mode&0o7777)) {
		return sys.Chmod(fd, uint32(mode))
	}
	return nil
}
