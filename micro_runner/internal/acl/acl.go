// Package acl is the access control lists of POSIX, as far as one has to know them to take one away.
//
// Invariant: taking a list away gives nobody anything that he did not have with it.
package acl

import (
	"encoding/binary"
	"slices"
	"syscall"

	"froyo.dev/runner/internal/sys"
)

// Access is the extended attribute that holds a file's own list, and Default the one with what is to be given to new files in a directory.
const (
	Access  = "system.posix_acl_access"
	Default = "system.posix_acl_default"
)

// The form of the attribute: the version, then the entries in this order: tag, permissions, and of whom.
const (
	headerSize = 4
	entrySize  = 8

	tagOwner = 0x01
	tagGroup = 0x04
	tagMask  = 0x10
	tagOther = 0x20
)

// MayInherit says whether a new file may have the list that its directory gives. Whoever owns the directory has made that up, and only
// root and the owner of the new file have a say in who else may have it.
func MayInherit(directory *sys.Stat, owner int) bool {
	return directory.UID == 0 || int(directory.UID) == owner
}

// Mode is a file's mode as it would be without the list: with one, the bits of the group are the most that anybody named in it gets, and
// what the group itself gets may be less.
func Mode(fd sys.FD, mode int) (int, error) {
	bare, err := bare(fd)
	if bare == nil || err != nil {
		return mode, err
	}
	return mode&^0o070 | int(bare[groupAt])<<3, nil
}

// Remove takes away what a file's own list, and a directory's list for new files, grant beyond the mode. The mode is then the one that
// Mode gives.
func Remove(fd sys.FD) error {
	// It is looked for first: without a list there is nothing that could be forbidden.
	given, err := read(fd, Default)
	if given != nil {
		err = syscall.Removexattr(fd.Link(), Default)
	}
	if err != nil && err != syscall.ENODATA {
		return err
	}
	// A list that says no more than a mode can becomes the mode and is gone, at once; one that is just removed would leave to the
	// group what it granted to others.
	bare, err := bare(fd)
	if bare == nil || err != nil {
		return err
	}
	return syscall.Setxattr(fd.Link(), Access, bare, 0)
}

// bare gives a file's own list without those who are named in it; nil when there is none.
func bare(fd sys.FD) ([]byte, error) {
	list, err := read(fd, Access)
	if list == nil || err != nil {
		return nil, err
	}
	return strip(list)
}

// read gives a list; nil when there is none.
func read(fd sys.FD, name string) ([]byte, error) {
	list, err := sys.Xattr(fd.Link(), name)
	if err == syscall.ENODATA || err == syscall.EOPNOTSUPP {
		return nil, nil
	}
	return list, err
}

// groupAt is where the group's permissions are in a list that was stripped.
const groupAt = headerSize + entrySize + 2

// strip leaves of a list what belongs to the owner, the group and others.
func strip(list []byte) ([]byte, error) {
	if len(list) < headerSize || len(list)%entrySize != headerSize {
		return nil, syscall.EINVAL
	}
	stripped := slices.Clone(list[:headerSize])
	mask := byte(0o7)
	for entry := range slices.Chunk(list[headerSize:], entrySize) {
		switch binary.LittleEndian.Uint16(entry) {
		case tagOwner, tagGroup, tagOther:
			stripped = append(stripped, entry...)
		case tagMask:
			mask = entry[2]
		}
	}
	if len(stripped) != headerSize+3*entrySize {
		return nil, syscall.EINVAL
	}
	stripped[groupAt] &= mask
	return stripped, nil
}
