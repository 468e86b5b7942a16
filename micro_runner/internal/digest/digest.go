// Package digest knows contents by their SHA-256, and remembers them by what the kernel says of the inode.
//
// Invariant: Memory never gives the digest of another content than the file has. It relies on every change moving the ctime,
// which nobody can put back, and distrusts what was read while the ctime could have stood still (git's rule for racy times).
package digest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"syscall"
	"time"

	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/sys"
)

// Sum is a SHA-256.
type Sum [sha256.Size]byte

const prefix = "sha256:"

func (s Sum) String() string {
	text := make([]byte, len(prefix)+2*len(s))
	copy(text, prefix)
	hex.Encode(text[len(prefix):], s[:])
	return string(text)
}

// Of gives the sum of bytes.
func Of(content []byte) Sum { return sha256.Sum256(content) }

// Parse reads what String writes.
func Parse(text string) (sum Sum, ok bool) {
	if len(text) != len(prefix)+2*len(sum) || text[:len(prefix)] != prefix {
		return sum, false
	}
	n, err := hex.Decode(sum[:], []byte(text[len(prefix):]))
	return sum, err == nil && n == len(sum)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

// Read gives the sum and the number of all bytes to come. It ends with the cause when the context does.
func Read(ctx context.Context, from io.Reader) (Sum, int64, error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	hash := sha256.New()
	var size int64
	for {
		if ctx.Err() != nil {
			return Sum{}, size, context.Cause(ctx)
		}
		n, err := from.Read(*buffer)
		hang.GoesOn(ctx)
		hash.Write((*buffer)[:n])
		size += int64(n)
		if err == io.EOF {
			return Sum(hash.Sum(nil)), size, nil
		}
		if err != nil {
			return Sum{}, 0, err
		}
	}
}

// Short gives the sum of a file of a few bytes, in one system call; ok is false where that does not get all of what a stat has told.
func Short(fd sys.FD, size int64) (sum Sum, ok bool) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if size >= int64(len(*buffer)) {
		return sum, false
	}
	n, err := syscall.Pread(int(fd), *buffer, 0)
	if err != nil || int64(n) != size {
		return sum, false
	}
	return Of((*buffer)[:n]), true
}

// slack is more than the grain of any local file system's clock: a jiffy (at most 10 ms), or, where an inode's times are whole
// seconds, two of them (as FAT has).
const (
	slack       = 20 * time.Millisecond
	coarseSlack = 2100 * time.Millisecond
)

// maxRemembered bounds the memory, to some 15 MB.
const maxRemembered = 100_000

type inode struct{ dev, ino uint64 }

type memo struct {
	size         int64
	mtime, ctime sys.Time
	sum          Sum
}

// Memory remembers digests for one session. It may be used from any goroutine.
type Memory struct {
	mu    sync.Mutex
	memos map[inode]memo
	slow  map[inode]slowness
	now   func() time.Time
}

// slowness is that a file of a size could not be read in time, and until when nobody tries again.
type slowness struct {
	size  int64
	until time.Time
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{memos: map[inode]memo{}, slow: map[inode]slowness{}, now: time.Now}
}

// Now is the time to be given to Put, taken before the content is read.
func (m *Memory) Now() time.Time { return m.now() }

// Get gives the digest of a file that looks like stat, if it is known for certain.
func (m *Memory) Get(stat *sys.Stat) (Sum, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.memos[inode{stat.Dev, stat.Ino}]
	if !ok || known.size != stat.Size || known.mtime != stat.Mtime || known.ctime != stat.Ctime {
		return Sum{}, false
	}
	return known.sum, true
}

// Settled says whether a change of an inode that looked like stat at some time would have moved its ctime since.
func Settled(stat *sys.Stat, at time.Time) bool {
	grain := slack
	if stat.Ctime.Nsec == 0 && stat.Mtime.Nsec == 0 {
		grain = coarseSlack
	}
	return at.Sub(time.Unix(stat.Ctime.Sec, int64(stat.Ctime.Nsec))) > grain
}

// Put remembers the digest of a file which looked like stat before and after its content was read, from the time on. What could
// have changed since without the ctime showing it is not kept.
func (m *Memory) Put(stat *sys.Stat, sum Sum, from time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := inode{stat.Dev, stat.Ino}
	if !Settled(stat, from) {
		delete(m.memos, key)
		return
	}
	if len(m.memos) >= maxRemembered {
		for forgotten := range m.memos { // any: the order of a map is random
			delete(m.memos, forgotten)
			break
		}
	}
	m.memos[key] = memo{stat.Size, stat.Mtime, stat.Ctime, sum}
}

// File systems whose times this machine's kernel sets itself, by its own clock.
var ours = map[int64]bool{
	0xEF53: true, 0x58465342: true, 0x9123683E: true, 0x01021994: true, 0x794C7630: true, // ext, xfs, btrfs, tmpfs, overlay
	0xF2F52010: true, 0x2FC12FC1: true, 0x858458F6: true, 0xCA451A4E: true, 0x4D44: true, 0x2011BAB0: true, // f2fs, zfs, ramfs, bcachefs, fat, exfat
}

// Of these, the ones that do not move a time when a map of memory is written to, so that nothing shows that a content has changed.
var timeless = map[int64]bool{0x01021994: true, 0x858458F6: true} // tmpfs, ramfs

// Local says whether an open file is on such a file system, and keeps whether its times tell of every change: of a file where they do
// not, nothing must be remembered, and neither of one that
// somebody has mapped for writing: what is written to a page that is not written back yet moves none.
func Local(fd sys.FD) (local, keeps bool) {
	var stat syscall.Statfs_t
	if syscall.Fstatfs(int(fd), &stat) != nil {
		return false, false
	}
	kind := int64(stat.Type)
	return ours[kind], ours[kind] && !timeless[kind]
}

// rest is how long nobody tries again to read what takes too long: that is not to be had at each look.
const rest = time.Minute

// maxSlow bounds what is remembered of these.
const maxSlow = 1000

// TookTooLong notes that a file could not be read in time.
func (m *Memory) TookTooLong(stat *sys.Stat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.slow) >= maxSlow {
		clear(m.slow)
	}
	m.slow[inode{stat.Dev, stat.Ino}] = slowness{stat.Size, m.now().Add(rest)}
}

// TakesTooLong says whether there is no use in reading a file just now: it was tried, and it has not become much smaller since.
func (m *Memory) TakesTooLong(stat *sys.Stat) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.slow[inode{stat.Dev, stat.Ino}]
	return ok && m.now().Before(known.until) && stat.Size > known.size/2
}

// Forget has every content read again when it is looked at.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.memos)
	clear(m.slow)
}
