package watch

import (
	"os"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/wire"
)

const mountinfo = "/proc/self/mountinfo"

// points is what is mounted at the places that somebody wants to hear of. The kernel says that its table has changed, and neither where
// nor by whom.
type points map[string]string

// lookAt notes what is mounted now, and gives the places at which that is something else than it was.
func (p points) lookAt(table string) []string {
	now := make(points, len(p))
	for _, line := range strings.Split(table, "\n") {
		fields := strings.Split(line, " ")
		if len(fields) < 7 {
			continue
		}
		path := unescaped(fields[4])
		if _, wanted := p[path]; wanted {
			// Not the numbers of the mount, and not with which others it is shared.
			_, of, _ := strings.Cut(line, " - ")
			now[path] += strings.Join([]string{fields[2], fields[3], fields[5], of}, " ") + "\n"
		}
	}
	var changed []string
	for path, before := range p {
		if now[path] != before {
			changed = append(changed, path)
		}
		p[path] = now[path]
	}
	return changed
}

// unescaped is a field of the table, in which some bytes are written in octal.
func unescaped(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if value, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(value))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}

// hearMounts tells of the places at which something else is mounted by now.
func (l *loop) hearMounts() {
	if len(l.points) == 0 {
		return
	}
	table, err := os.ReadFile(mountinfo)
	if err != nil {
		return
	}
	by, at := evidence.Evidence{Source: "mountinfo"}, time.Now().UnixMilli()
	var changes wire.Array
	for _, path := range l.points.lookAt(string(table)) {
		changes = append(changes, wire.Object{wire.F("at_ms", at), wire.F("by", by.Value()), wire.F("subject", "mount:"+path)})
	}
	if len(changes) > 0 {
		l.emit("changed", wire.Object{wire.F("changes", changes), wire.F("overflow", false)})
	}
}

// watchMounts takes a new set of places.
func (l *loop) watchMounts(paths []string) {
	l.points = make(points, len(paths))
	for _, path := range paths {
		l.points[path] = ""
	}
	if table, err := os.ReadFile(mountinfo); err == nil {
		l.points.lookAt(string(table))
	}
}
