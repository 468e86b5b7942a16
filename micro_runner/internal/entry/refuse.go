package entry

import "froyo.dev/runner/internal/fault"

// Immutable is why nothing can be done to what has the attribute.
func Immutable(path string) *fault.Fault {
	return fault.New(fault.Immutable, "%s has the immutable or append-only attribute (lsattr shows it, chattr clears it)", path)
}

// Fixed is the fault of a path in whose directory nothing can be made, or nothing be replaced.
func Fixed(path string) *fault.Fault {
	return fault.New(fault.Immutable, "%s: the directory has the immutable or append-only attribute", path)
}

// Replaceable refuses what a file or a link cannot take the place of, or may not unless it was expected. In a directory that is fixed
// nothing can be put there at all.
func Replaceable(there *Entry, path string, expected, fixed bool) error {
	switch {
	case there.Type == Directory:
		return fault.New(fault.IsDirectory, "%s is a directory", path)
	case there.Type == Other && !expected:
		return fault.New(fault.WrongType, "%s is neither a regular file nor a symbolic link", path)
	case there.Stat.Immutable:
		return Immutable(path)
	case there.MountedOn:
		return fault.New(fault.MountPoint, "%s is a mount point and cannot be replaced", path)
	case fixed:
		return Fixed(path)
	}
	return nil
}
