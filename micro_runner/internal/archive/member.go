package archive

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
)

const (
	// maxMembers is as much as a listing of a directory takes in.
	maxMembers = 50_000
	maxName    = 4095
	// maxDepth bounds what is done for each directory that a name lies in.
	maxDepth = 256
	setID    = 0o6000
)

// member is one thing that an archive has, or a directory that leads to one.
type member struct {
	name   string
	kind   entry.Type // File, Directory or Symlink
	mode   uint32     // permission bits, as the archive has them
	size   int64
	digest digest.Sum
	to     string // where a link leads
	copyOf string // of a further name for a file: its first one
}

func bad(format string, arguments ...any) error {
	return fault.New(fault.BadArchive, format, arguments...)
}

// clean gives a name from the top of the archive on; "" for the top itself.
func clean(name string) (string, error) {
	if len(name) > maxName {
		return "", bad("a name of %d bytes is too long", len(name))
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", bad("the name %q is no text", name)
	}
	if strings.HasPrefix(name, "/") {
		return "", bad("the name %q is absolute", name)
	}
	if strings.Contains(name, `\`) {
		return "", bad(`the name %q has a backslash, which some programs take for a directory`, name)
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", bad("the name %q leads out of the archive", name)
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) > maxDepth {
		return "", bad("the name %q… lies in more than %d directories within each other", name[:64], maxDepth)
	}
	return strings.Join(parts, "/"), nil
}

// inside says whether a link stays within the tree, whatever other links there are in it: it goes up at its beginning only, and no higher
// than to the top.
func inside(name, to string) bool {
	if to == "" || len(to) > maxName || strings.HasPrefix(to, "/") || strings.ContainsFunc(to, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(to) {
		return false
	}
	depth, down := strings.Count(name, "/"), false
	for part := range strings.SplitSeq(to, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; down || depth < 0 {
				return false
			}
		default:
			down = true
		}
	}
	return true
}

// tree collects members, and refuses what does not fit together.
type tree struct {
	members map[string]member
	links   map[string]bool // names that are no directories
	limit   int64           // bytes of all of them
	size    int64
	count   int
}

func newTree(limit int64) *tree {
	return &tree{members: map[string]member{}, links: map[string]bool{}, limit: limit}
}

// counts notes one more member, of whatever kind, before anything of it is read.
func (t *tree) counts(name string, size int64) error {
	if t.count++; t.count > maxMembers {
		return bad("it has more than %d members", maxMembers)
	}
	if size < 0 || size > t.limit-t.size {
		return bad("what is in it has more than %d bytes, with %s; maximumSize allows more", t.limit, name)
	}
	t.size += size
	return nil
}

// add takes a member in. What comes twice in an archive that was appended to is what it was last.
func (t *tree) add(m member) error {
	before, twice := t.members[m.name]
	if twice && before.kind != m.kind {
		return bad("%s is there twice, as a %s and as a %s", m.name, before.kind, m.kind)
	}
	for above := path.Dir(m.name); above != "."; above = path.Dir(above) {
		if t.links[above] {
			return bad("%s lies below %s, which is no directory in the archive", m.name, above)
		}
		if _, known := t.members[above]; known {
			break // with all that is above it: else many files deep down would take hours
		}
		t.members[above] = member{name: above, kind: entry.Directory, mode: 0o755}
	}
	if m.kind != entry.Directory {
		if before.kind == entry.Directory {
			return bad("%s is there twice, as a directory and as a %s", m.name, m.kind)
		}
		t.links[m.name] = true
	}
	if m.kind == entry.Symlink && !inside(m.name, m.to) {
		return bad("the symbolic link %s leads out of the archive, to %q", m.name, m.to)
	}
	t.members[m.name] = m
	if len(t.members) > maxMembers {
		return bad("it has more than %d members, with the directories that lead to them", maxMembers)
	}
	return nil
}

// alias takes in a further name for a file that came before.
func (t *tree) alias(name, of string) error {
	first, err := clean(of)
	if err != nil {
		return err
	}
	known := t.members[first]
	if known.kind != entry.File {
		return bad("%s is another name for %s, which is no file in the archive before it", name, of)
	}
	if known.copyOf != "" {
		first = known.copyOf
	}
	if name == first {
		return bad("%s is another name for itself", name)
	}
	if err := t.counts(name, known.size); err != nil { // it becomes a file of its own
		return err
	}
	known.name, known.copyOf = name, first
	return t.add(known)
}

// sorted gives all members, a directory before what is in it.
func (t *tree) sorted() []member {
	all := make([]member, 0, len(t.members))
	for _, m := range t.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return all
}
