package packages

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
)

// installed is what is on record about a package.
type installed struct {
	name, arch, version string
	// want and state are dpkg's words: install, hold, deinstall, purge; installed, config-files, half-configured and so on. Other managers have two
	// of each: install and hold, and installed and half-configured.
	want, state string
	broken      bool // it has to be installed anew
	automatic   bool // nobody asked for it
	base        bool // every system has it: it is essential, or of a priority that an installation takes along
	conffiles   []string
	sums        map[string]string // of the configuration files that it brought, by path, also of those that it brings no more
}

// present says whether its files are there, however far its configuration got.
func (i *installed) present() bool {
	return i != nil && i.state != "config-files" && i.state != "not-installed"
}

// database is what a package manager has on record.
type database struct {
	native   string
	holds    []string // globs of what is on hold, where that is not noted with what is installed
	lasting  bool     // what nobody asked for cannot be told to be otherwise
	beside   string   // what the name of a file ends in that came with a package and was not taken
	packages map[string][]*installed
}

// portable are the architectures that are every machine's.
var portable = map[string]bool{"all": true, "noarch": true, "any": true}

// find gives the package of a name, perhaps with an architecture behind a colon; without one the machine's own comes first. nil where there is
// nothing on record.
func (d *database) find(name string) *installed {
	name, arch, exact := strings.Cut(name, ":")
	var found *installed
	for _, one := range d.packages[name] {
		switch {
		case one.arch == arch, !exact && (one.arch == d.native || portable[one.arch]), exact && arch == d.native && portable[one.arch]:
			return one
		case !exact && (found == nil || !found.present()):
			found = one
		}
	}
	return found
}

// places are the files of a system's package manager.
type places struct{ root string }

func (p places) dpkg(name string) string { return p.root + "/var/lib/dpkg/" + name }

// library remembers dpkg's database, and what apt adds to it, for as long as its files are what they were.
type library struct {
	places places
	last   remembered[database]
}

func (l *library) database() (*database, error) {
	return l.last.get(l.places.identities("/var/lib/dpkg/status", "/var/lib/apt/extended_states"), l.read)
}

func (l *library) read() (*database, error) {
	status, extended := l.places.dpkg("status"), l.places.root+"/var/lib/apt/extended_states"
	text, err := os.ReadFile(status)
	if err != nil {
		return nil, fault.From(err, status)
	}
	automatic, err := os.ReadFile(extended)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.From(err, extended)
	}
	return parse(string(text), string(automatic)), nil
}

// identity tells one content of a file from another.
func identity(path string) string {
	var stat syscall.Stat_t
	if syscall.Lstat(path, &stat) != nil {
		return path + " -\n"
	}
	text := []byte(path)
	for _, number := range []int64{int64(stat.Dev), int64(stat.Ino), stat.Size, stat.Mtim.Nano(), stat.Ctim.Nano()} {
		text = append(text, ' ')
		text = appendNumber(text, number)
	}
	return string(append(text, '\n'))
}

func parse(status, extended string) *database {
	d := &database{beside: ".dpkg-dist", packages: map[string][]*installed{}}
	for text := range strings.SplitSeq(status, "\n\n") {
		one := &installed{}
		inConffiles := false
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, " ") {
				if inConffiles {
					fields := strings.Fields(line)
					if len(fields) == 2 { // a third one says that it is obsolete
						one.conffiles = append(one.conffiles, fields[0])
					}
					if len(fields) >= 2 {
						if one.sums == nil {
							one.sums = map[string]string{}
						}
						one.sums[fields[0]] = fields[1]
					}
				}
				continue
			}
			field, value, _ := strings.Cut(line, ": ")
			inConffiles = line == "Conffiles:"
			switch field {
			case "Package":
				one.name = value
			case "Architecture":
				one.arch = value
			case "Version":
				one.version = value
			case "Essential":
				one.base = one.base || value == "yes"
			case "Priority":
				one.base = one.base || value == "required" || value == "important" || value == "standard"
			case "Status":
				if words := strings.Fields(value); len(words) == 3 {
					one.want, one.broken, one.state = words[0], words[1] != "ok", words[2]
				}
			}
		}
		if one.name == "" {
			continue
		}
		if one.name == "dpkg" {
			d.native = one.arch
		}
		d.packages[one.name] = append(d.packages[one.name], one)
	}
	for text := range strings.SplitSeq(extended, "\n\n") {
		var name, arch string
		automatic := false
		for line := range strings.SplitSeq(text, "\n") {
			switch field, value, _ := strings.Cut(line, ": "); field {
			case "Package":
				name = value
			case "Architecture":
				arch = value
			case "Auto-Installed":
				automatic = value == "1"
			}
		}
		for _, one := range d.packages[name] {
			if one.arch == arch || one.arch == "all" {
				one.automatic = automatic
			}
		}
	}
	return d
}

// kept are the configuration files of a package beside which lies what it brought and was not taken.
func (p places) kept(one *installed, beside string) []string {
	if one == nil {
		return nil
	}
	var found []string
	for _, path := range one.conffiles {
		if _, err := os.Lstat(filepath.Join(p.root, path) + beside); err == nil {
			found = append(found, path)
		}
	}
	return found
}
