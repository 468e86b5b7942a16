// Package blob keeps the bodies that the controller has sent ahead of the commands that name them.
//
// Invariant: what Open gives has been checked against its digest. Small bodies are in memory, larger ones in a file without a
// name, so that nothing is left behind however the runner ends. Bodies that nobody has used yet are never forgotten.
package blob

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
	"syscall"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/sys"
)

const (
	maxPiece  = 1 << 20 // before encoding
	maxMemory = 1 << 20 // a body beyond this is spooled
)

// Budgets decide from when on used bodies are forgotten, in bytes.
type Budgets struct{ Memory, Spool int64 }

// DefaultBudgets suit a small machine.
var DefaultBudgets = Budgets{Memory: 32 << 20, Spool: 1 << 30}

// Store is the bodies of one session. It may be used from any goroutine.
type Store struct {
	mu      sync.Mutex
	budgets Budgets
	bodies  map[string]*Body
	broken  map[string]*fault.Fault
	clock   int64
}

// NewStore makes an empty one.
func NewStore(budgets Budgets) *Store {
	return &Store{budgets: budgets, bodies: map[string]*Body{}, broken: map[string]*fault.Fault{}}
}

// Body is one body: incomplete while pieces arrive, then unchanging.
type Body struct {
	Size   int64
	Digest digest.Sum

	memory   []byte
	spool    *os.File
	hash     hash.Hash
	complete bool
	used     int64 // by the store's clock; 0: not yet
	users    int
}

// At reads from the body at any offset.
func (b *Body) At() io.ReaderAt {
	if b.spool != nil {
		return b.spool
	}
	return bytes.NewReader(b.memory)
}

// Take adds a piece. What is wrong with it is told to who asks for the body.
func (s *Store) Take(piece *frames.Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.bodies[piece.Digest]; known != nil && known.complete {
		return // sent twice; the first one will do
	}
	if piece.Offset == 0 {
		s.discard(piece.Digest)
		delete(s.broken, piece.Digest)
		s.bodies[piece.Digest] = &Body{hash: sha256.New()}
	}
	body := s.bodies[piece.Digest]
	if body == nil {
		if s.broken[piece.Digest] == nil {
			s.broken[piece.Digest] = fault.New(fault.BlobMissing, "the body %s came without its beginning", piece.Digest)
		}
		return
	}
	if err := body.add(piece); err != nil {
		s.discard(piece.Digest)
		if len(s.broken) > 1000 { // a sender that breaks so many does not need to know why
			clear(s.broken)
		}
		s.broken[piece.Digest] = fault.From(err, "the body "+piece.Digest)
		return
	}
	s.shrink()
}

func (b *Body) add(piece *frames.Blob) error {
	if piece.Offset != b.Size {
		return fault.New(fault.BlobMissing, "the body %s has a gap at byte %d", piece.Digest, b.Size)
	}
	data := piece.Data
	if piece.Gzip {
		var err error
		if data, err = unpack(data); err != nil {
			return fault.New(fault.BlobMissing, "a piece of the body %s is not valid gzip", piece.Digest)
		}
	}
	if len(data) > maxPiece {
		return fault.New(fault.BlobMissing, "a piece of the body %s is longer than 1 MiB", piece.Digest)
	}
	if err := b.keep(data); err != nil {
		return err
	}
	b.hash.Write(data)
	b.Size += int64(len(data))
	if !piece.Last {
		return nil
	}
	b.Digest, b.hash, b.complete = digest.Sum(b.hash.Sum(nil)), nil, true
	if b.Digest.String() != piece.Digest {
		return fault.New(fault.BlobMissing, "the body %s arrived with another content", piece.Digest)
	}
	return nil
}

func unpack(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(reader, maxPiece+1))
}

func (b *Body) keep(data []byte) error {
	if b.spool == nil && len(b.memory)+len(data) <= maxMemory {
		b.memory = append(b.memory, data...)
		return nil
	}
	if b.spool == nil {
		spool, err := newSpool()
		if err != nil {
			return fmt.Errorf("no place for a large body: %w", err)
		}
		b.spool = spool
		if _, err := spool.Write(b.memory); err != nil {
			return err
		}
		b.memory = nil
	}
	_, err := b.spool.Write(data)
	return err
}

// newSpool makes a file without a name: on a disk if there is one to write to, otherwise in memory.
func newSpool() (*os.File, error) {
	for _, directory := range []string{"/var/tmp", "/tmp"} {
		fd, err := sys.Openat(sys.AtFdCwd, directory, sys.OTmpfile|syscall.O_RDWR, 0o600)
		if err == nil {
			return fd.File("spool"), nil
		}
	}
	fd, err := sys.Memfd("spool")
	if err != nil {
		return nil, err
	}
	return fd.File("spool"), nil
}

// Open gives a body that is complete. The caller calls Close with it.
func (s *Store) Open(name string) (*Body, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := s.bodies[name]
	if body == nil || !body.complete {
		if why := s.broken[name]; why != nil {
			return nil, why
		}
		return nil, fault.New(fault.BlobMissing, "the body %s is not here", name)
	}
	s.clock++
	body.used = s.clock
	body.users++
	return body, nil
}

// Close ends the use of a body.
func (s *Store) Close(body *Body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body.users--
	s.shrink()
}

// shrink forgets used bodies, the least recently used first, until the rest is within the budgets.
func (s *Store) shrink() {
	for _, spooled := range []bool{false, true} {
		budget := s.budgets.Memory
		if spooled {
			budget = s.budgets.Spool
		}
		for {
			var total int64
			oldest, at := "", int64(0)
			for name, body := range s.bodies {
				if (body.spool != nil) != spooled {
					continue
				}
				total += body.Size
				if body.used > 0 && body.users == 0 && (at == 0 || body.used < at) {
					oldest, at = name, body.used
				}
			}
			if total <= budget || at == 0 {
				break
			}
			s.discard(oldest)
		}
	}
}

func (s *Store) discard(name string) {
	if body := s.bodies[name]; body != nil {
		if body.spool != nil {
			_ = body.spool.Close()
		}
		delete(s.bodies, name)
	}
}

// ErrTooLong is that a body has more bytes than it may.
var ErrTooLong = errors.New("it has more bytes than it may")

// OtherContent is that a body is not the one that it was to be.
type OtherContent struct{ Sum digest.Sum }

func (o *OtherContent) Error() string { return "it has the digest " + o.Sum.String() }

// Has says whether a body is here, complete.
func (s *Store) Has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := s.bodies[name]
	return body != nil && body.complete
}

// Forget lets go of a body that nobody uses.
func (s *Store) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if body := s.bodies[name]; body != nil && body.users == 0 {
		s.discard(name)
	}
}

// Receive takes a body that does not come from the controller, of limit bytes at most, and keeps it if it is the one with the digest.
func (s *Store) Receive(name string, from io.Reader, limit int64) error {
	body := &Body{hash: sha256.New()}
	kept := false
	defer func() {
		if !kept && body.spool != nil {
			_ = body.spool.Close()
		}
	}()
	piece := make([]byte, 128<<10)
	for {
		n, err := from.Read(piece)
		if body.Size += int64(n); body.Size > limit {
			return ErrTooLong
		}
		if n > 0 {
			if err := body.keep(piece[:n]); err != nil {
				return err
			}
			body.hash.Write(piece[:n])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	body.Digest, body.hash, body.complete = digest.Sum(body.hash.Sum(nil)), nil, true
	if body.Digest.String() != name {
		return &OtherContent{body.Digest}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.bodies[name]; known != nil && known.complete {
		return nil // somebody was quicker
	}
	s.discard(name)
	delete(s.broken, name)
	s.bodies[name], kept = body, true
	s.shrink()
	return nil
}
