// Package hang lets looks go on beside others that hang in the kernel, as everything does that asks a network file system whose server
// is gone.
//
// Invariants: who hangs is waited for once, and what it looks at is known then not to answer, until it does; no more are left behind
// than there are places that do not answer, and these are bounded. What came of a look that was left behind is nobody's any more.
package hang

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"froyo.dev/runner/internal/fault"
)

// patience is how long a look may go without any answer of the kernel: far more than a disk takes that has to begin to turn.
const patience = 10 * time.Second

// most bounds how many threads of ours may hang. With more of them one waits, as if nothing were known of any.
const most = 64

// Places remembers at what nothing answers.
type Places struct {
	patience time.Duration

	mu     sync.Mutex
	places map[place]int // how many hang there
	freed  func()
}

// place is a mount point, with all below it, or a path alone, for one kind of looks.
type place struct {
	path, apart string
	mount       bool
}

// NewPlaces makes a memory of none.
func NewPlaces() *Places {
	return &Places{patience: patience, places: map[place]int{}, freed: func() {}}
}

// Patience sets how long a look may take without an answer, for tests.
func (p *Places) Patience(patience time.Duration) *Places {
	p.patience = patience
	return p
}

// Freed has a function called whenever something answers again. It must not wait.
func (p *Places) Freed(freed func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freed = freed
}

// Within says whether a path is on a file system that does not answer.
func (p *Places) Within(path string) error { return p.known(path, "") }

func (p *Places) known(path, apart string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := range p.places {
		if at.mount && within(path, at.path) || at.path == path && at.apart == apart {
			return at.fault(p.patience)
		}
	}
	return nil
}

// hangs notes that somebody hangs at a path, and gives the place; nil where too many do.
func (p *Places) hangs(path, apart string) (*place, error) {
	at := place{path: path, apart: apart}
	if mount := mountOf(path); mount != "/" {
		at = place{path: mount, mount: true}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := 0
	for _, n := range p.places {
		all += n
	}
	if all >= most {
		return nil, nil
	}
	p.places[at]++
	return &at, at.fault(p.patience)
}

// answered notes that one who hung there does not any more.
func (p *Places) answered(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.places[*at]--; p.places[*at] == 0 {
		delete(p.places, *at)
	}
	p.freed()
}

func (at place) fault(patience time.Duration) *fault.Fault {
	if at.mount {
		return fault.New(fault.Timeout, "the file system that is mounted on %s did not answer within %s, and nobody asks again until it does: is its server, or its disk, still there?", at.path, patience)
	}
	return fault.New(fault.Timeout, "%s did not answer within %s, and nobody asks again until it does", at.path, patience)
}

func within(path, mount string) bool {
	return strings.HasPrefix(path, mount) && (len(path) == len(mount) || path[len(mount)] == '/')
}

// mountOf is the mount point that a path is on, by its name alone: what does not answer must not be asked.
func mountOf(path string) string {
	content, _ := os.ReadFile("/proc/self/mountinfo")
	found := "/"
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			if mount := unescaped(fields[4]); len(mount) > len(found) && within(path, mount) {
				found = mount
			}
		}
	}
	return found
}

// unescaped is a name as mountinfo has it, where spaces and the like are octal.
func unescaped(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	var plain strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+4 <= len(name) {
			if code, err := strconv.ParseUint(name[i+1:i+4], 8, 8); err == nil {
				plain.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		plain.WriteByte(name[i])
	}
	return plain.String()
}
