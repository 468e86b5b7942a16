// Package walk goes from the root to the directory that holds a path, by descriptors, and follows only links that nobody else
// could have put there.
//
// Invariant: the descriptor that Parent gives was reached through directories and safe symbolic links alone (protocol §5).
// Whatever is done with it and the last name cannot be led elsewhere. What is at the last name is not looked at.
package walk

import (
	"os"
	pathpkg "path"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

const (
	maxPath  = 4095
	maxLinks = 40
)

// Check says whether a path has the form that the protocol wants.
func Check(path string) error {
	switch {
	case len(path) > maxPath:
		return fault.New(fault.BadPath, "a path of %d bytes is too long", len(path))
	case path == "" || path[0] != '/':
		return fault.New(fault.BadPath, "%q is not an absolute path", path)
	case path == "/":
		return nil
	case strings.IndexByte(path, 0) >= 0:
		return fault.New(fault.BadPath, "%q has a zero byte", path)
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return fault.New(fault.BadPath, "%q has an empty, \".\" or \"..\" part", path)
		}
	}
	return nil
}

// Split gives the directory and the last name of a path of the right form; for "/" the name is ".".
func Split(path string) (dir, name string) {
	if path == "/" {
		return "/", "."
	}
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 1)], path[i+1:]
}

// Parent opens (O_PATH) the directory that holds the path's last name. The caller closes it.
func Parent(path string) (sys.FD, string, error) {
	if err := Check(path); err != nil {
		return -1, "", err
	}
	dir, name := Split(path)
	fd, err := Directory(dir)
	return fd, name, err
}

// Directory opens (O_PATH) a directory, of which the last name may be a safe symbolic link, too.
func Directory(path string) (sys.FD, error) {
	// One system call does where there is no link on the way. Whatever is wrong, the slow way knows where and why.
	fd, err := sys.OpenBeneath(path, sys.OPath|syscall.O_DIRECTORY)
	if err == nil {
		return fd, nil
	}
	w := walker{path: path, at: "/"}
	return w.walk()
}

// Trace goes the same way to the directory at path, but always step by step, and shows each name before it is looked up, with a
// descriptor (O_PATH) of the directory that it is looked up in and that directory's own path. Who watches that directory from then on
// misses no later change of the way.
func Trace(path string, visit func(dir sys.FD, at, name string)) (sys.FD, string, error) {
	w := walker{path: path, at: "/", visit: visit}
	fd, err := w.walk()
	return fd, w.at, err
}

// Lacking names what keeps one from going to the directory at path: what is not there, or is no directory, and what would have to be in
// it, from the root on. Where links lead, they are the paths that the links mean.
func Lacking(path string) []string {
	w := walker{path: path, at: "/"}
	fd, err := w.walk()
	if err == nil {
		fd.Close()
		return nil
	}
	var lacking []string
	at := w.at
	for _, part := range w.pending {
		at = pathpkg.Join(at, part)
		lacking = append(lacking, at)
	}
	return lacking
}

type walker struct {
	path    string // as it was asked for, for messages
	at      string // where the walk has come to
	pending []string
	links   int
	visit   func(dir sys.FD, at, name string)
}

func (w *walker) walk() (sys.FD, error) {
	here, err := root()
	if err != nil {
		return -1, fault.From(err, "/")
	}
	w.pending = parts(w.path)
	for len(w.pending) > 0 {
		part := w.pending[0]
		if w.visit != nil {
			w.visit(here, w.at, part)
		}
		next, target, err := w.step(here, part)
		if err != nil {
			here.Close()
			return -1, err
		}
		w.pending = w.pending[1:]
		if target == "" {
			here.Close()
			here = next
			w.at = pathpkg.Join(w.at, part) // ".." may come from a link's target
			continue
		}
		w.pending = append(parts(target), w.pending...)
		if target[0] == '/' {
			here.Close()
			w.at = "/"
			if here, err = root(); err != nil {
				return -1, fault.From(err, "/")
			}
		}
	}
	return here, nil
}

// step opens a directory, or gives the target of a safe link.
func (w *walker) step(here sys.FD, part string) (next sys.FD, target string, err error) {
	at := pathpkg.Join(w.at, part)
	next, err = sys.Openat(here, part, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return -1, "", fault.From(err, at)
	}
	stat, err := sys.Fstat(next)
	switch {
	case err != nil:
		err = fault.From(err, at)
	case stat.Is(syscall.S_IFDIR):
		return next, "", nil
	case stat.Is(syscall.S_IFLNK):
		target, err = w.follow(here, next, &stat, at)
	default:
		err = fault.New(fault.NotDirectory, "%s is not a directory", at)
	}
	next.Close()
	return -1, target, err
}

// follow gives the target of a link, if it is safe to go there.
func (w *walker) follow(dir, link sys.FD, stat *sys.Stat, at string) (string, error) {
	if w.links++; w.links > maxLinks {
		return "", fault.New(fault.SymlinkLoop, "%s: more than %d symbolic links", w.path, maxLinks)
	}
	holder, err := sys.Fstat(dir)
	if err != nil {
		return "", fault.From(err, at)
	}
	if !ours(stat.UID) {
		return "", fault.New(fault.UnsafeSymlink, "%s: the symbolic link %s belongs to user %d; it is not followed", w.path, at, stat.UID)
	}
	if !ours(holder.UID) || holder.Mode&0o022 != 0 {
		return "", fault.New(fault.UnsafeSymlink, "%s: the symbolic link %s is in a directory that others can write to; it is not followed", w.path, at)
	}
	target, err := sys.Readlinkat(link, "")
	if err != nil {
		return "", fault.From(err, at)
	}
	if target == "" {
		return "", fault.New(fault.NotFound, "%s: an empty symbolic link", at)
	}
	return target, nil
}

// ours: root, and the user that the runner acts as, could do whatever they would do with a link without it.
func ours(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

func root() (sys.FD, error) {
	return sys.Openat(sys.AtFdCwd, "/", sys.OPath|syscall.O_DIRECTORY, 0)
}

func parts(path string) []string {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}
