package facts

import (
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/wire"
)

const (
	// maxFile bounds what is read of one file: the largest that is looked at is a database of users.
	maxFile = 8 << 20
	// maxText bounds one value, in bytes.
	maxText = 256
	// maxEntries and maxSection bound what there may be many of in a section, by number and in bytes.
	maxEntries = 2000
	maxSection = 192 << 10
)

// machine is where facts are taken from. Tests have others than this one.
type machine struct {
	ctx  context.Context
	root string // before every path
	hung *hang.Places

	uname     func() syscall.Utsname
	links     func() []link
	addresses func() []address
	// size is how large the file system at a path is, in bytes; 0 where that is not known.
	size func(path string) int64

	section string
	cut     []string // sections that there is more of
}

// this is the machine that the runner runs on.
func this(ctx context.Context, hung *hang.Places) *machine {
	return &machine{
		ctx: ctx, hung: hung, links: readLinks, addresses: readAddresses,
		uname: func() (name syscall.Utsname) {
			_ = syscall.Uname(&name)
			return name
		},
		size: func(path string) int64 {
			var stat syscall.Statfs_t
			if syscall.Statfs(path, &stat) != nil {
				return 0
			}
			return int64(stat.Blocks) * stat.Frsize
		},
	}
}

// content is what a file holds, or "".
func (m *machine) content(path string) string {
	file, err := os.Open(m.root + path)
	if err != nil {
		return ""
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return ""
	}
	return string(content)
}

// line is the one line that a file holds, or "".
func (m *machine) line(path string) string {
	return strings.TrimSpace(strings.TrimRight(m.content(path), "\x00"))
}

func (m *machine) number(path string) int64 {
	n, _ := strconv.ParseInt(m.line(path), 10, 64)
	return n
}

func (m *machine) exists(path string) bool {
	_, err := os.Stat(m.root + path)
	return err == nil
}

func (m *machine) firstOf(paths ...string) string {
	for _, path := range paths {
		if m.exists(path) {
			return path
		}
	}
	return ""
}

// names are the entries of a directory, in order.
func (m *machine) names(path string) []string {
	entries, _ := os.ReadDir(m.root + path)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// table collects what there may be many of in the section that is being gathered, up to its bounds.
type table struct {
	machine *machine
	entries wire.Object
	seen    map[string]int
	size    int
}

func (m *machine) table() *table {
	return &table{machine: m, entries: wire.Object{}, seen: map[string]int{}}
}

// put adds an entry, in the place of an earlier one of that name; false when there is no room for any more.
func (t *table) put(name string, value wire.Object) bool {
	name = strings.ToValidUTF8(name, "�")
	encoded := wire.Raw(wire.Append(nil, value))
	if i, there := t.seen[name]; there {
		t.entries[i].Value = encoded
		return true
	}
	t.size += len(name) + len(encoded)
	if len(t.entries) == maxEntries || t.size > maxSection {
		if !slices.Contains(t.machine.cut, t.machine.section) {
			t.machine.cut = append(t.machine.cut, t.machine.section)
		}
		return false
	}
	t.seen[name] = len(t.entries)
	t.entries = append(t.entries, wire.F(name, encoded))
	return true
}

// bounded is a value of a length that a fact may have, in UTF-8 whatever it was.
func bounded(value string) string {
	if len(value) > maxText {
		value = value[:maxText]
	}
	return strings.ToValidUTF8(value, "")
}

func texts(values []string) wire.Array {
	list := make(wire.Array, 0, len(values))
	for _, value := range values {
		list = append(list, bounded(value))
	}
	return list
}

// uts is a field of what uname says.
func uts[T int8 | uint8](field [65]T) string {
	var name []byte
	for _, c := range field {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name)
}
