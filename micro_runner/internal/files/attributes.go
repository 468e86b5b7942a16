package files

import (
	"bytes"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

// lists is the namespace of access control lists, of whatever kind.
const lists = "system."

// What was given to the old content, and says nothing about the new one.
var ofTheContent = []string{"security.capability", "security.ima", "security.evm"}

// keepsList says whether the access control list of the old file is right for the new one, which is to have this owner and group. They
// must be the same, since a list is what the owner made it. And nobody else can have put the old file here, or it could be root's own, with
// a list that was meant for another content.
func (j *job) keepsList(uid, gid int) bool {
	if j.before.Type != entry.File || uid != int(j.before.Stat.UID) || gid != int(j.before.Stat.GID) {
		return false
	}
	const others = syscall.S_IWGRP | syscall.S_IWOTH
	closed := acl.MayInherit(&j.dir.stat, uid) && j.dir.stat.Mode&others == 0
	return closed || !j.hasBlob // a copy of what is there, for a backup
}

// old opens (O_PATH) the file that is to be replaced.
func (j *job) old() (sys.FD, error) {
	fd, err := sys.Openat(j.dir.fd, j.name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return -1, err
	}
	if now, err := sys.Fstat(fd); err != nil || !now.Same(&j.before.Stat) {
		fd.Close()
		return -1, fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
	}
	return fd, nil
}

// carryAttributes gives the new file the extended attributes of the one that it replaces, with its access control list or without.
func carryAttributes(old, fresh sys.FD, withList bool) error {
	names, err := sys.Xattrs(old.Link())
	if err != nil && err != syscall.EOPNOTSUPP {
		return err
	}
	for _, name := range names {
		if slices.Contains(ofTheContent, name) || !withList && strings.HasPrefix(name, lists) {
			continue
		}
		value, err := sys.Xattr(old.Link(), name)
		if has, failed := sys.Xattr(fresh.Link(), name); err == nil && (failed != nil || !bytes.Equal(has, value)) {
			err = syscall.Setxattr(fresh.Link(), name, value, 0)
		}
		if err != nil && err != syscall.ENODATA && !optional(name, err) {
			return err
		}
	}
	if withList && !slices.Contains(names, acl.Access) { // but the directory's default list may have given one to the new file
		return acl.Remove(fresh)
	}
	return nil
}

// optional: labels that only the system's policy may set are left to it.
func optional(name string, err error) bool {
	return (err == syscall.EPERM || err == syscall.EOPNOTSUPP || err == syscall.EACCES) &&
		(strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.") || strings.HasPrefix(name, "system.nfs4"))
}
