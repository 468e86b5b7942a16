package packages

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// apk is Alpine Linux's, of version 2 or 3.
type apk struct {
	places places
	asker  asker
	last   remembered[database]
}

const (
	apkWorld        = "/etc/apk/world"
	apkRepositories = "/etc/apk/repositories"
)

// apkDatabases is where its database may be.
var apkDatabases = []string{"/lib/apk/db", "/usr/lib/apk/db"}

func (a *apk) name() string { return "apk" }

func (a *apk) order(one, other string) int { return CompareApk(one, other) }

func (a *apk) ready() error {
	return needs("apk", "apk")
}

func (a *apk) interrupted() bool { return false }

func (a *apk) holder() wire.Object {
	for _, directory := range apkDatabases {
		path := a.places.root + directory + "/lock"
		if pid, is := flocked(path); is {
			return held(path, pid)
		}
	}
	return nil
}

// flocked says who has locked a file, by flock(2) or another way that the kernel keeps a list of.
func flocked(path string) (pid int, is bool) {
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) != nil {
		return 0, false
	}
	text, _ := os.ReadFile("/proc/locks")
	for line := range strings.SplitSeq(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[1] == "->" {
			continue
		}
		if place := strings.Split(fields[5], ":"); len(place) == 3 && place[2] == strconv.FormatUint(stat.Ino, 10) && device(place) == stat.Dev {
			pid, _ := strconv.Atoi(fields[4])
			return pid, true
		}
	}
	return 0, false
}

// device is a file system's number, from its two parts in hexadecimal digits.
func device(place []string) uint64 {
	major, _ := strconv.ParseUint(place[0], 16, 32)
	minor, _ := strconv.ParseUint(place[1], 16, 32)
	return minor&0xff | major&0xfff<<8 | minor&^0xff<<12 | major&^0xfff<<32
}

func (a *apk) installed() string {
	return a.places.identities("/lib/apk/db/installed", "/usr/lib/apk/db/installed", apkWorld)
}

func (a *apk) database() (*database, error) {
	return a.last.get(a.installed(), func() (*database, error) {
		var text []byte
		err := fault.New(fault.NotSupported, "there is no apk here")
		for _, directory := range apkDatabases {
			if content, missing := os.ReadFile(a.places.root + directory + "/installed"); missing == nil {
				text, err = content, nil
				break
			}
		}
		if err != nil {
			return nil, err
		}
		world, _ := os.ReadFile(a.places.root + apkWorld)
		return parseApk(string(text), string(world)), nil
	})
}

// parseApk reads apk's database, and of its list of what somebody asked for who is on hold: what is in there with a version.
func parseApk(text, world string) *database {
	known := &database{native: rpmArchitecture(), beside: ".apk-new", packages: map[string][]*installed{}}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		one := &installed{want: "install", state: "installed", automatic: true}
		directory := ""
		for line := range strings.SplitSeq(paragraph, "\n") {
			field, value, _ := strings.Cut(line, ":")
			switch field {
			case "P":
				one.name = value
			case "V":
				one.version = value
			case "A":
				one.arch = value
			case "f":
				one.state, one.broken = "half-configured", true
			case "F":
				directory = value
			case "R":
				if strings.HasPrefix(directory+"/", "etc/") { // only there another one may lie beside
					one.conffiles = append(one.conffiles, "/"+directory+"/"+value)
				}
			}
		}
		if one.name != "" {
			known.packages[one.name] = append(known.packages[one.name], one)
		}
	}
	for _, wish := range strings.Fields(world) {
		name := wish
		if i := strings.IndexAny(wish, "=<>~@"); i >= 0 {
			name = wish[:i]
		}
		for _, one := range known.packages[name] {
			one.automatic = false
			if strings.Contains(wish, "=") && !strings.ContainsAny(wish, "<>") {
				one.want = "hold"
			}
		}
	}
	return known
}

// stale says whether nothing has been fetched from a repository elsewhere, or its declaration was changed after that. Those on this machine are read as
// they are.
func (a *apk) stale() bool {
	text, _ := os.ReadFile(a.places.root + apkRepositories)
	elsewhere := false
	for line := range strings.SplitSeq(string(text), "\n") {
		elsewhere = elsewhere || !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.Contains(line, "://")
	}
	return elsewhere && a.places.outdated(a.caches(), apkRepositories)
}

func (a *apk) caches() (paths []string) {
	for _, pattern := range []string{"/var/cache/apk/APKINDEX*", "/etc/apk/cache/APKINDEX*"} {
		found, _ := filepath.Glob(a.places.root + pattern)
		for _, path := range found {
			paths = append(paths, strings.TrimPrefix(path, a.places.root))
		}
	}
	return paths
}

func (a *apk) ask(ctx context.Context, argv ...string) (execute.Outcome, error) {
	seen := a.installed() + a.places.trees("/etc/apk") + a.places.identities(a.caches()...)
	outcome, err := a.asker.ask(ctx, seen, question{argv: append([]string{"apk", "--no-network"}, argv...)})
	return outcome, without(err, "apk", "apk")
}

func (a *apk) offers(ctx context.Context, names []string) (map[string]available, error) {
	outcome, err := a.ask(ctx, append([]string{"policy", "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	return apkOffers(string(outcome.Stdout)), nil
}

// apkOffers reads what apk has of some names: each with its versions, and where each of these is from.
func apkOffers(text string) map[string]available {
	found := map[string]available{}
	name, version := "", ""
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case bare == "":
		case indent == 0:
			name = strings.TrimSuffix(bare, " policy:")
		case indent == 2:
			version = strings.TrimSuffix(bare, ":")
		case strings.HasSuffix(bare, "apk/db/installed"): // is no place to have it from
		case !strings.HasPrefix(bare, "@"): // what is tagged is taken only where somebody asks for the tag
			one := found[name]
			if len(one.versions) == 0 || one.versions[0] != version {
				one.versions = append([]string{version}, one.versions...)
			}
			if one.candidate == "" || CompareApk(version, one.candidate) > 0 {
				one.candidate = version
			}
			found[name] = one
		}
	}
	return found
}

func (a *apk) simulate(ctx context.Context, wanted step) (outlook, error) {
	known, err := a.database()
	if err != nil {
		return outlook{}, err
	}
	argv := append([]string{"add", "--simulate", "--"}, wanted.install...)
	for _, name := range append(wanted.remove, wanted.purge...) {
		argv = append(argv, "!"+name)
	}
	outcome, err := a.ask(ctx, argv...)
	if err != nil {
		return outlook{}, err
	}
	return apkOutlook(known, outcome), nil
}

var apkChange = regexp.MustCompile(`^\(\d+/\d+\) (Installing|Upgrading|Downgrading|Reinstalling|Replacing|Purging) (\S+) \((\S+?)(?: -> (\S+))?\)`)

func apkOutlook(known *database, outcome execute.Outcome) outlook {
	said := string(outcome.Stdout) + string(outcome.Stderr)
	if _, why, is := strings.Cut(said, "ERROR: "); is {
		return outlook{refusal: tail(why)}
	}
	var changes []change
	for line := range strings.SplitSeq(said, "\n") {
		match := apkChange.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		one := change{name: match[2], from: match[3], to: match[4]}
		switch match[1] {
		case "Purging":
			one.action = "remove"
			// It takes away what nobody needs any more, and cannot be told not to.
			there := known.find(one.name)
			one.unneeded = there != nil && there.automatic
		case "Installing":
			one.action, one.from, one.to = "install", "", match[3]
		default:
			one.action = replaced(CompareApk, one.from, one.to)
		}
		changes = append(changes, one)
	}
	return outlook{changes: changes, held: known.heldOf(changes)}
}
