// Package private is the directory in which the runner's user keeps what outlives a session: until the next boot at most, and nobody else's.
package private

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"froyo.dev/runner/internal/fault"
)

// Directory gives the directory of a name in there, and makes both.
func Directory(name string) (string, error) {
	parent := "/run/froyo"
	if uid := os.Geteuid(); uid != 0 {
		parent = filepath.Join("/run/user", strconv.Itoa(uid), "froyo")
		if _, err := os.Stat(filepath.Dir(parent)); err != nil {
			parent = filepath.Join(os.TempDir(), "froyo-operations-"+strconv.Itoa(uid))
		}
	}
	for _, directory := range []string{parent, filepath.Join(parent, name)} {
		if err := os.Mkdir(directory, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return "", fault.From(err, directory)
		}
		info, err := os.Lstat(directory)
		if err != nil {
			return "", fault.From(err, directory)
		}
		status := info.Sys().(*syscall.Stat_t)
		if !info.IsDir() || int(status.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
			return "", fault.New(fault.Permission, "%s is not a directory of the runner's user alone", directory)
		}
	}
	return filepath.Join(parent, name), nil
}
