package packages

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// pacman is Arch Linux's.
type pacman struct {
	places places
	asker  asker
	last   remembered[database]
}

const (
	pacmanLocal = "/var/lib/pacman/local"
	pacmanSync  = "/var/lib/pacman/sync"
	pacmanLock  = "/var/lib/pacman/db.lck"
	pacmanConf  = "/etc/pacman.conf"
	// mostConflicts is how many packages one transaction may be in conflict with.
	mostConflicts = 8
)

func (p *pacman) name() string { return "pacman" }

func (p *pacman) order(one, other string) int { return ComparePacman(one, other) }

func (p *pacman) ready() error {
	return needs("pacman", "pacman")
}

// holder: its lock is a file that is there. Whoever made it has it open for as long as he is at work.
func (p *pacman) holder() wire.Object {
	path := p.places.root + pacmanLock
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	if pid := opener(path); pid > 0 {
		return held(path, pid)
	}
	if os.Geteuid() != 0 { // who may not look at others' files does not know
		return held(path, 0)
	}
	return nil
}

// interrupted: the lock is there, and nobody has it open.
func (p *pacman) interrupted() bool {
	_, err := os.Lstat(p.places.root + pacmanLock)
	return err == nil && p.holder() == nil
}

// opener is a process that has a file open; 0 for none that can be seen.
func opener(path string) int {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && target == path {
			pid, _ := strconv.Atoi(strings.Split(descriptor, "/")[2])
			return pid
		}
	}
	return 0
}

// installed is what its database goes by: a directory for each package.
func (p *pacman) installed() string {
	found, _ := filepath.Glob(p.places.root + pacmanLocal + "/*/desc")
	var text strings.Builder
	for _, path := range found {
		text.WriteString(identity(path))
	}
	return text.String() + p.places.identities(pacmanLocal, pacmanConf)
}

func (p *pacman) database() (*database, error) {
	return p.last.get(p.installed(), func() (*database, error) {
		entries, err := os.ReadDir(p.places.root + pacmanLocal)
		if err != nil {
			return nil, fault.From(err, pacmanLocal)
		}
		known := &database{native: rpmArchitecture(), beside: ".pacnew", packages: map[string][]*installed{}}
		for _, entry := range entries {
			directory := p.places.root + pacmanLocal + "/" + entry.Name()
			text, err := os.ReadFile(directory + "/desc")
			if err != nil {
				continue
			}
			fields := paragraphs(string(text))
			one := &installed{
				name: first(fields["NAME"]), version: first(fields["VERSION"]), arch: first(fields["ARCH"]), want: "install", state: "installed",
				automatic: first(fields["REASON"]) == "1",
			}
			files, _ := os.ReadFile(directory + "/files")
			for _, line := range paragraphs(string(files))["BACKUP"] {
				path, _, _ := strings.Cut(line, "\t")
				one.conffiles = append(one.conffiles, "/"+path)
			}
			known.packages[one.name] = append(known.packages[one.name], one)
		}
		conf, _ := os.ReadFile(p.places.root + pacmanConf)
		known.hold(ignored(string(conf))...)
		return known, nil
	})
}

// paragraphs are lists of lines below %HEADINGS%.
func paragraphs(text string) map[string][]string {
	found, heading := map[string][]string{}, ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case len(line) > 2 && line[0] == '%' && line[len(line)-1] == '%':
			heading = line[1 : len(line)-1]
		case line != "":
			found[heading] = append(found[heading], line)
		}
	}
	return found
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// ignored are the globs of IgnorePkg in pacman.conf.
func ignored(conf string) (globs []string) {
	for line := range strings.SplitSeq(conf, "\n") {
		if field, value, is := strings.Cut(line, "="); is && strings.TrimSpace(field) == "IgnorePkg" {
			globs = append(globs, strings.Fields(value)...)
		}
	}
	return globs
}

func (p *pacman) stale() bool {
	found, _ := filepath.Glob(p.places.root + pacmanSync + "/*.db")
	for i, path := range found {
		found[i] = strings.TrimPrefix(path, p.places.root)
	}
	return p.places.outdated(found, pacmanConf, "/etc/pacman.d/mirrorlist")
}

// ask runs pacman with a lock of its own, beside the real databases, and with no answer to what it asks but those given.
func (p *pacman) ask(ctx context.Context, stdin string, argv ...string) (execute.Outcome, error) {
	asked := question{
		argv: append([]string{"pacman"}, argv...), stdin: stdin,
		scratch: func(directory string) (options, environment []string, err error) {
			for name, target := range map[string]string{"local": pacmanLocal, "sync": pacmanSync} {
				if err := os.Symlink(p.places.root+target, directory+"/"+name); err != nil {
					return nil, nil, fault.From(err, directory)
				}
			}
			return []string{"--dbpath", directory, "--logfile", "/dev/null", "--color", "never"}, nil, nil
		},
	}
	outcome, err := p.asker.ask(ctx, p.places.trees("/etc/pacman.d", pacmanSync)+p.installed(), asked)
	return outcome, without(err, "pacman", "pacman")
}

func (p *pacman) offers(ctx context.Context, names []string) (map[string]available, error) {
	outcome, err := p.ask(ctx, "", "-Sl")
	if err != nil {
		return nil, err
	}
	return pacmanOffers(names, string(outcome.Stdout)), nil
}

// pacmanOffers reads lines of a repository, a name and a version. What the first repository has is what would be installed.
func pacmanOffers(names []string, text string) map[string]available {
	found := map[string]available{}
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		if _, known := found[fields[1]]; !known {
			found[fields[1]] = available{candidate: fields[2], versions: fields[2:3]}
		}
	}
	wanted := map[string]available{}
	for _, name := range names {
		if one, known := found[name]; known {
			wanted[name] = one
		}
	}
	return wanted
}

func (p *pacman) simulate(ctx context.Context, wanted step) (would outlook, err error) {
	known, err := p.database()
	if err != nil {
		return outlook{}, err
	}
	for flag, names := range map[string][]string{"-Rc": wanted.remove, "-Rcn": wanted.purge} {
		if len(names) == 0 {
			continue
		}
		outcome, err := p.ask(ctx, "", append([]string{flag, "--"}, names...)...)
		if err != nil {
			return would, err
		}
		removed := pacmanOutlook(known, outcome, true)
		would.changes, would.held, would.refusal = append(would.changes, removed.changes...), append(would.held, removed.held...), would.refusal+removed.refusal
	}
	if len(wanted.install) == 0 {
		return would, nil
	}
	argv := append([]string{"-S", "--"}, wanted.install...)
	answers := ""
	for {
		outcome, err := p.ask(ctx, answers, argv...)
		if err != nil {
			return would, err
		}
		// It asks about each package that would have to go, and is told yes, and no when it asks whether to begin. Where it could begin all the same,
		// nobody says yes.
		if conflicts := strings.Count(string(outcome.Stdout)+string(outcome.Stderr), "are in conflict. Remove"); conflicts == len(answers)/2+1 && conflicts <= mostConflicts && confining() {
			answers += "y\n"
			continue
		}
		coming := pacmanOutlook(known, outcome, false)
		would.changes, would.held, would.refusal = append(would.changes, coming.changes...), append(would.held, coming.held...), would.refusal+coming.refusal
		return would, nil
	}
}

// afterPrompt is a question, behind which something else was said.
var afterPrompt = regexp.MustCompile(`^.*\[(y/N|Y/n)\] ?`)

// pacmanOutlook reads the list of packages that pacman shows before it asks whether to begin.
func pacmanOutlook(known *database, outcome execute.Outcome, removing bool) outlook {
	_, list, shown := strings.Cut("\n"+string(outcome.Stdout), "\nPackages (")
	if !shown {
		if outcome.Exit == 0 {
			return outlook{}
		}
		var said []string
		for line := range strings.SplitSeq(string(outcome.Stderr)+string(outcome.Stdout), "\n") {
			line = strings.TrimSpace(afterPrompt.ReplaceAllString(line, ""))
			if text, is := strings.CutPrefix(line, "error: "); is {
				said = append(said, text)
			} else if text, is := strings.CutPrefix(line, ":: "); is && !strings.HasSuffix(line, ":") {
				said = append(said, text)
			}
		}
		return outlook{refusal: tail(strings.Join(said, "\n"))}
	}
	_, list, _ = strings.Cut(list, ")")
	list, _, _ = strings.Cut(list, "\n\n")
	var changes []change
	for _, word := range strings.Fields(list) {
		if word == "[removal]" {
			last := &changes[len(changes)-1]
			*last = change{action: "remove", name: last.name, from: last.to}
			continue
		}
		name, version := apart(word)
		one := change{name: name, to: version}
		if there := known.find(name); there != nil {
			one.from = there.version
		}
		if one.action = replaced(ComparePacman, one.from, one.to); removing {
			one.action, one.from, one.to = "remove", version, ""
		}
		changes = append(changes, one)
	}
	return outlook{changes: changes, held: known.heldOf(changes)}
}

// apart is NAME-VERSION-RELEASE as a name and a version.
func apart(text string) (name, version string) {
	end := len(text)
	for range 2 {
		if i := strings.LastIndexByte(text[:end], '-'); i > 0 {
			end = i
		}
	}
	return text[:end], strings.TrimPrefix(text[end:], "-")
}
