package packages

import (
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/wire"
)

// rpmFiles are what rpm's database consists of, in each of its forms and at each of its places.
var rpmFiles = func() (files []string) {
	for _, directory := range []string{"/var/lib/rpm/", "/usr/lib/sysimage/rpm/"} {
		for _, name := range []string{"rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages.db", "Packages"} {
			files = append(files, directory+name)
		}
	}
	return files
}()

// rpmLocks are those of rpm itself, whoever uses it.
func (p places) rpmLocks() wire.Object {
	return recordLock(p.root+"/var/lib/rpm/.rpm.lock", p.root+"/usr/lib/sysimage/rpm/.rpm.lock")
}

// pidFile is who says in a file that it is at work, if that process is there.
func pidFile(paths ...string) wire.Object {
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && pid > 0 && pid != os.Getpid() && syscall.Kill(pid, 0) != syscall.ESRCH {
			return held(path, pid)
		}
	}
	return nil
}

// rpmArchitecture is this machine's, as rpm calls it.
func rpmArchitecture() string {
	if name, known := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]; known {
		return name
	}
	return runtime.GOARCH
}

// parseRpm reads lines of a name, a version, an architecture and why it is there, with tabs between them. Of several versions of one package, such as
// of kernels, the newest counts. Keys are no packages.
func parseRpm(text string, native string) *database {
	known := &database{native: native, packages: map[string][]*installed{}}
lines:
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) < 4 || fields[0] == "gpg-pubkey" {
			continue
		}
		one := &installed{name: fields[0], version: fields[1], arch: fields[2], want: "install", state: "installed", automatic: strings.HasSuffix(fields[3], "dependency")}
		for _, same := range known.packages[one.name] {
			if same.arch == one.arch {
				if CompareRpm(same.version, one.version) < 0 {
					*same = *one
				}
				continue lines
			}
		}
		known.packages[one.name] = append(known.packages[one.name], one)
	}
	return known
}

// hold marks what matches one of some globs, whether it is installed or not.
func (d *database) hold(globs ...string) {
	d.holds = append(d.holds, globs...)
	for name, same := range d.packages {
		for _, glob := range globs {
			if matches, _ := path.Match(glob, name); matches {
				for _, one := range same {
					one.want = "hold"
				}
			}
		}
	}
}

// onHold says of a package that is not installed whether it is on hold, so that it cannot be.
func (d *database) onHold(name string) bool {
	name, _, _ = strings.Cut(name, ":")
	return slices.ContainsFunc(d.holds, func(glob string) bool {
		matches, _ := path.Match(glob, name)
		return matches
	})
}

// heldOf are those of some changes that are about something on hold.
func (d *database) heldOf(changes []change) (names []string) {
	for _, one := range changes {
		if there := d.find(one.name); there != nil && there.want == "hold" || there == nil && d.onHold(one.name) {
			names = append(names, one.name)
		}
	}
	return names
}

// spelled is NAME, NAME:ARCHITECTURE or either with =VERSION as rpm's tools take it.
func spelled(text, between string) string {
	text, version, _ := strings.Cut(text, "=")
	name, arch, exact := strings.Cut(text, ":")
	if version != "" {
		name += between + version
	}
	if exact {
		name += "." + arch
	}
	return name
}

// changedAt is when one of some files was last changed in any way, its times included: some are given the times that a server tells.
func (p places) changedAt(paths ...string) (last time.Time) {
	for _, path := range paths {
		var stat syscall.Stat_t
		if syscall.Stat(p.root+path, &stat) == nil {
			if at := time.Unix(stat.Ctim.Unix()); at.After(last) {
				last = at
			}
		}
	}
	return last
}
