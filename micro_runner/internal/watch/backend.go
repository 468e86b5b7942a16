// Package watch is the command watch: it tells of changes of paths the moment they happen, and who made them.
//
// It marks directories, never files, since files get replaced. Of every directory on the way to a path it wants to know when the next
// name on the way comes, goes or is moved; of the directory that holds the path, everything about that name. A directory is marked
// before the next name is looked up in it, so no change falls between looking and watching.
//
// Invariant: events only ever say "look there". An event that is missing, late or told twice makes nothing wrong, and what was lost
// is said to be lost.
package watch

import (
	"froyo.dev/runner/internal/sys"
)

// What can happen to a name in a directory: the same bits for fanotify and inotify.
const (
	modified   = 0x2
	attributed = 0x4
	written    = 0x8 // and closed
	movedFrom  = 0x40
	movedTo    = 0x80
	created    = 0x100
	deleted    = 0x200

	onDirectory = 0x40000000

	// structural: the name may stand for something else now.
	structural = movedFrom | movedTo | created | deleted
	everything = structural | modified | attributed | written
)

// key is how a backend calls a directory.
type key string

// occurrence is one thing that the kernel tells.
type occurrence struct {
	dir      key
	name     string
	what     uint32
	isDir    bool // what the name stands for
	pid      int  // 0: not known
	overflow bool // instead of everything else
	gone     bool // the directory is not watched any more
}

// backend is one way to hear of changes.
type backend interface {
	name() string
	descriptor() int
	// mark asks for what happens to the names in a directory; it adds to what was asked before.
	mark(dir sys.FD, what uint32) (key, error)
	// itself is under which key, and the name ".", a directory that is not marked tells of itself; "" if its parent tells.
	itself(dir sys.FD) key
	// unmark ends it for the directory that was at a path when it was marked. It may fail: what still comes is ignored.
	unmark(dir key, at string)
	// read takes what there is, without waiting.
	read() ([]occurrence, error)
	close()
}
