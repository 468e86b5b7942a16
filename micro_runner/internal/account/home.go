package account

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/walk"
)

// skeleton is what a new home begins with.
const skeleton = "/etc/skel"

// makeHome makes the home of a user who is there already, as useradd does for a new one. It gets its name once all is in it: half of a home
// would be taken for one.
func makeHome(u *user, etc string) error {
	if u.place == "" {
		return fault.New(fault.BadPath, "%s has no home that could be made: %q", u.name, u.home)
	}
	above, _ := walk.Split(u.place)
	dir, name, err := walk.Parent(u.place)
	if err != nil {
		return err
	}
	defer dir.Close()
	holder, err := sys.Fstat(dir)
	if err != nil {
		return fault.From(err, above)
	}
	if holder.UID != 0 || holder.Mode&0o022 != 0 {
		return fault.New(fault.NotTheirs, "%s can be written by others than root: no home is made there", above)
	}
	beside := temp.Prefix + "home-" + decimal(u.uid)
	at := filepath.Join(above, beside)
	if err := os.RemoveAll(at); err != nil { // of somebody who has not come to an end
		return fault.From(err, at)
	}
	if err := furnish(at, u, etc); err != nil {
		_ = os.RemoveAll(at)
		return fault.From(err, u.place)
	}
	err = sys.Renameat(dir, beside, dir, name, sys.RenameNoReplace)
	if err == nil {
		err = syncDirectory(dir)
	} else {
		_ = os.RemoveAll(at)
	}
	if err != nil {
		return fault.From(err, u.place)
	}
	return nil
}

// furnish makes a home at a place where nobody looks for it. Until all is in it, it is root's alone.
func furnish(at string, u *user, etc string) error {
	err := os.Mkdir(at, 0o700)
	if err == nil {
		err = fill(skeleton, at, u)
	}
	if err == nil {
		err = os.Lchown(at, int(u.uid), int(u.gid))
	}
	if err == nil {
		err = os.Chmod(at, homeMode(etc))
	}
	return err
}

// fill copies files, directories and links.
func fill(from, to string, u *user) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0:
			content, err := os.ReadFile(source)
			if err == nil {
				err = os.WriteFile(target, content, info.Mode().Perm())
			}
			if err != nil {
				return err
			}
		case os.ModeDir:
			if err := os.Mkdir(target, info.Mode().Perm()); err != nil {
				return err
			}
			if err := fill(source, target, u); err != nil {
				return err
			}
		case os.ModeSymlink:
			to, err := os.Readlink(source)
			if err == nil {
				err = os.Symlink(to, target)
			}
			if err != nil {
				return err
			}
		default:
			continue
		}
		if err := os.Lchown(target, int(u.uid), int(u.gid)); err != nil {
			return err
		}
	}
	return nil
}

// homeMode is what login.defs says of a new home: HOME_MODE, or what UMASK leaves.
func homeMode(etc string) os.FileMode {
	const usual = 0o700
	content, err := os.ReadFile(filepath.Join(etc, "login.defs"))
	if err != nil {
		return usual
	}
	said := map[string]uint64{}
	for line := range strings.SplitSeq(string(content), "\n") {
		if words := strings.Fields(line); len(words) >= 2 {
			if bits, err := strconv.ParseUint(words[1], 8, 12); err == nil {
				said[words[0]] = bits
			}
		}
	}
	if mode, ok := said["HOME_MODE"]; ok {
		return os.FileMode(mode)
	}
	if mask, ok := said["UMASK"]; ok {
		return os.FileMode(0o777 &^ mask)
	}
	return usual
}
