package files

import (
	"sync"

	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/wire"
)

// maxReplies bounds the memory of replies, to some 10 MB.
const maxReplies = 20_000

// replies remembers how a reply of file.stat was written. In a world that stands still, making and writing replies costs more than
// looking at the files.
//
// Invariant: a reply is given again only for the very same inode, in the very same state, with a digest that is still known for
// certain, and while users and groups have the same names.
type replies struct {
	mu    sync.Mutex
	names uint64 // generation of the names
	known map[string]reply
}

type reply struct {
	stat sys.Stat
	text wire.Raw
}

func newReplies() *replies { return &replies{known: map[string]reply{}} }

// of gives the result for what is at a path, which was looked at with no other wish than for the digest.
func (r *replies) of(path string, found *entry.Entry, names *owner.Names) wire.Raw {
	r.mu.Lock()
	defer r.mu.Unlock()
	if generation := names.Generation(); generation != r.names {
		r.names = generation
		clear(r.known)
	}
	known, ok := r.known[path]
	if ok && known.stat == found.Stat {
		return known.text
	}
	text := wire.Append(nil, wire.Object{wire.F("ok", found.Reply(names))})
	if !ok && len(r.known) >= maxReplies {
		for forgotten := range r.known { // any: the order of a map is random
			delete(r.known, forgotten)
			break
		}
	}
	r.known[path] = reply{found.Stat, text}
	return text
}
