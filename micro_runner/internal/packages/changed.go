package packages

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

const (
	// mostChanged is how many files are told.
	mostChanged = 5000
	// mostUnread is how many that could not be looked at are told.
	mostUnread = 100
)

// leftover is what dpkg and ucf leave beside a configuration file.
var leftover = regexp.MustCompile(`\.(dpkg|ucf)-[a-z]+$`)

// shipped is how a package has brought a configuration file.
type shipped struct{ sum, by string }

// brought is what packages know of a directory.
type brought struct {
	known map[string]shipped  // by path
	alike map[string][]string // by the name of a file, where packages keep one of that name that scripts of theirs copy
}

// changed is the files of a directory that no package has brought as they are: those that none knows, and configuration files that differ from
// what was shipped.
func (f *found) changed(ctx context.Context, call *command.Call) (wire.Array, error) {
	manager, database, missing := f.installed()
	if missing == nil && manager.name() != "apt" {
		missing = fault.New(fault.NotSupported, "what %s has brought is not known here: only dpkg's packages are", manager.name())
	}
	results := make(wire.Array, len(call.Items))
	for i, item := range call.Items {
		a := command.Read(item)
		path := a.Path()
		err := a.Err()
		if err == nil {
			err = missing
		}
		if err == nil {
			results[i], err = f.places.changed(ctx, database, path)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			results[i] = command.Failed(err, "pkg.changed")
		}
	}
	return results, nil
}

func (p places) changed(ctx context.Context, database *database, below string) (wire.Object, error) {
	packages, err := p.brought(database, below)
	if err != nil {
		return nil, err
	}
	var top syscall.Stat_t
	if err := syscall.Lstat(p.root+below, &top); err != nil {
		return nil, fault.From(err, below)
	}
	files, unread, cut := wire.Array{}, wire.Array{}, false
	not := func(path string) error {
		if len(unread) < mostUnread {
			unread = append(unread, path)
		}
		return nil
	}
	err = filepath.WalkDir(p.root+below, func(full string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		path := full[len(p.root):]
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return not(path)
		}
		if entry.IsDir() {
			var stat syscall.Stat_t
			if syscall.Lstat(full, &stat) == nil && stat.Dev != top.Dev {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || leftover.MatchString(path) {
			return nil
		}
		by, owned := packages.known[path]
		same, err := p.isAsBrought(full, by, owned, packages.alike[entry.Name()])
		if same || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return not(path)
		}
		if len(files) == mostChanged {
			cut = true
			return fs.SkipAll
		}
		one := wire.Object{wire.F("path", path)}
		if owned {
			one = append(one, wire.F("package", by.by))
		}
		files = append(files, one)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return command.OK(wire.Object{wire.F("files", files), wire.F("unread", unread), wire.F("cut", cut)}), nil
}

// isAsBrought says whether a file is what a package has brought: for all that is known, where that is no configuration file.
func (p places) isAsBrought(path string, by shipped, owned bool, alike []string) (bool, error) {
	if owned && by.sum == "" {
		return true, nil
	}
	if !owned && len(alike) == 0 {
		return false, nil
	}
	sum, err := sumOf(path)
	if err != nil || owned {
		return sum == by.sum, err
	}
	for _, other := range alike {
		if copied, err := sumOf(p.root + other); err == nil && copied == sum {
			return true, nil
		}
	}
	return false, nil
}

// brought is all below a directory that a package knows of, with the digest of what it brought where that is a configuration file.
func (p places) brought(database *database, below string) (*brought, error) {
	known, alike := map[string]shipped{}, map[string][]string{}
	lists, err := filepath.Glob(p.dpkg("info/*.list"))
	if err != nil {
		return nil, err
	}
	prefix := []byte(below + "/")
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the package has just gone
		}
		if err != nil {
			return nil, fault.From(err, list)
		}
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			if bytes.HasPrefix(line, prefix) {
				known[string(line)] = shipped{}
			} else if bytes.HasPrefix(line, []byte("/usr/share/")) {
				name := string(line[bytes.LastIndexByte(line, '/')+1:])
				alike[name] = append(alike[name], string(line))
			}
		}
	}
	for _, same := range database.packages {
		for _, one := range same {
			for path, sum := range one.sums {
				known[path] = shipped{sum, one.name}
			}
		}
	}
	// What ucf keeps for a package is a configuration file, too, and its latest version is the digest here.
	owners := map[string]string{}
	for _, fields := range p.ucf("registry") {
		owners[fields[1]] = fields[0]
	}
	for _, fields := range p.ucf("hashfile") {
		known[fields[1]] = shipped{fields[0], owners[fields[1]]}
	}
	return &brought{known, alike}, nil
}

// ucf is the lines of one of its files, of two fields each.
func (p places) ucf(name string) [][]string {
	text, err := os.ReadFile(p.root + "/var/lib/ucf/" + name)
	if err != nil {
		return nil // there is no ucf
	}
	var found [][]string
	for line := range strings.SplitSeq(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) == 2 {
			found = append(found, fields)
		}
	}
	return slices.Clip(found)
}

// sumOf is the digest that dpkg keeps of a configuration file.
func sumOf(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := md5.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
