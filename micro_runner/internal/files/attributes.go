package files

import (
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

const accessList = "system.posix_acl_access"

// What was given to the old content, and says nothing about the new one.
var ofTheContent = []string{"security.capability", "security.ima", "security.evm"}

// carryAttributes gives the new file the extended attributes and the access control list of the one that it replaces.
func (j *job) carryAttributes(fresh sys.FD) error {
	fd, err := sys.Openat(j.dir.fd, j.name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer fd.Close()
	if now, err := sys.Fstat(fd); err != nil || !now.Same(&j.before.Stat) {
		return fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
	}
	names, err := sys.Xattrs(fd.Link())
	if err == syscall.EOPNOTSUPP {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.Contains(ofTheContent, name) {
			continue
		}
		value, err := sys.Xattr(fd.Link(), name)
		if err == nil {
			err = syscall.Setxattr(fresh.Link(), name, value, 0)
		}
		if err != nil && err != syscall.ENODATA && !optional(name, err) {
			return err
		}
	}
	if !slices.Contains(names, accessList) { // but the directory's default list may have given one to the new file
		err := syscall.Removexattr(fresh.Link(), accessList)
		if err != nil && err != syscall.ENODATA && err != syscall.EOPNOTSUPP {
			return err
		}
	}
	return nil
}

// optional: labels that only the system's policy may set are left to it.
func optional(name string, err error) bool {
	return (err == syscall.EPERM || err == syscall.EOPNOTSUPP || err == syscall.EACCES) &&
		(strings.HasPrefix(name, "security.") || strings.HasPrefix(name, "trusted.") || strings.HasPrefix(name, "system.nfs4"))
}
