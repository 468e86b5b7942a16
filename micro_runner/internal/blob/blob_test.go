package blob

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
)

func send(s *Store, content string) string {
	name := digest.Of([]byte(content)).String()
	for offset := 0; ; offset += maxPiece {
		end := min(offset+maxPiece, len(content))
		s.Take(&frames.Blob{Digest: name, Offset: int64(offset), Data: []byte(content[offset:end]), Last: end == len(content)})
		if end == len(content) {
			return name
		}
	}
}

func content(t *testing.T, s *Store, name string) string {
	t.Helper()
	body, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(body)
	data, err := io.ReadAll(io.NewSectionReader(body.At(), 0, body.Size))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBodiesOfAllSizes(t *testing.T) {
	s := NewStore(DefaultBudgets)
	for _, size := range []int{0, 1, maxPiece - 1, maxPiece, maxPiece + 1, 3*maxPiece + 7} {
		want := strings.Repeat("0123456789", size/10+1)[:size]
		name := send(s, want)
		for range 2 {
			if content(t, s, name) != want {
				t.Errorf("%d bytes: another content", size)
			}
		}
		if spooled := s.bodies[name].spool != nil; spooled != (size > maxMemory) {
			t.Errorf("%d bytes: spooled %v", size, spooled)
		}
		send(s, want) // again
	}
}

func TestPiecesOfSeveralBodiesMayAlternate(t *testing.T) {
	s := NewStore(DefaultBudgets)
	one, two := digest.Of([]byte("onetwo")).String(), digest.Of([]byte("three")).String()
	s.Take(&frames.Blob{Digest: one, Data: []byte("one")})
	s.Take(&frames.Blob{Digest: two, Data: packed("thr"), Gzip: true})
	s.Take(&frames.Blob{Digest: one, Offset: 3, Data: packed("two"), Gzip: true, Last: true})
	s.Take(&frames.Blob{Digest: two, Offset: 3, Data: []byte("ee"), Last: true})
	if content(t, s, one) != "onetwo" || content(t, s, two) != "three" {
		t.Fatal("mixed up")
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}

func TestBrokenBodiesAreMissing(t *testing.T) {
	name := digest.Of([]byte("good")).String()
	piece := func(offset int64, data string, last bool) *frames.Blob {
		return &frames.Blob{Digest: name, Offset: offset, Data: []byte(data), Last: last}
	}
	bomb := &frames.Blob{Digest: name, Data: packed(strings.Repeat("\x00", 50<<20)), Gzip: true, Last: true}
	for what, pieces := range map[string][]*frames.Blob{
		"never sent":     nil,
		"incomplete":     {piece(0, "good", false)},
		"with a gap":     {piece(0, "go", false), piece(3, "d", true)},
		"overlapping":    {piece(0, "goo", false), piece(2, "od", true)},
		"another one":    {piece(0, "bad!", true)},
		"no gzip":        {{Digest: name, Data: []byte("good"), Gzip: true, Last: true}},
		"half a gzip":    {{Digest: name, Data: packed("good")[:12], Gzip: true, Last: true}},
		"a bomb":         {bomb},
		"a large piece":  {piece(0, strings.Repeat("x", maxPiece+1), true)},
		"no beginning":   {piece(2, "od", true)},
		"twice the same": {piece(0, "bad!", true), piece(4, "more", true)},
	} {
		s := NewStore(DefaultBudgets)
		for _, p := range pieces {
			s.Take(p)
		}
		_, err := s.Open(name)
		var failure *fault.Fault
		if !errors.As(err, &failure) || failure.Code != fault.BlobMissing || failure.Class() != fault.Transient {
			t.Errorf("%s: %v", what, err)
		}
		s.Take(piece(0, "good", true))
		if content(t, s, name) != "good" {
			t.Errorf("%s: it cannot be mended", what)
		}
	}
}

func TestUsedBodiesAreForgottenFirst(t *testing.T) {
	s := NewStore(Budgets{Memory: 10, Spool: 3 * maxPiece})
	var names []string
	for i := range 5 {
		names = append(names, send(s, fmt.Sprintf("body %d", i))) // 30 bytes, none of them used
	}
	for _, name := range names {
		if s.bodies[name] == nil {
			t.Fatal("a body that nobody has used was forgotten")
		}
	}
	held, err := s.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names[1:] {
		content(t, s, name)
	}
	if s.bodies[names[0]] == nil || s.bodies[names[1]] != nil || len(s.bodies) != 1 {
		t.Fatalf("%d bodies are left", len(s.bodies))
	}
	if held.memory == nil {
		t.Fatal("a body in use was forgotten")
	}
	s.Close(held)
	large := send(s, strings.Repeat("x", 2*maxPiece))
	content(t, s, large)
	send(s, strings.Repeat("y", 2*maxPiece))
	if s.bodies[large] != nil {
		t.Fatal("a spooled body beyond the budget is kept")
	}
}

func TestReasonsOfBrokenBodiesAreBounded(t *testing.T) {
	s := NewStore(DefaultBudgets)
	for i := range 3000 {
		s.Take(&frames.Blob{Digest: digest.Of([]byte(fmt.Sprint(i))).String(), Data: []byte("x"), Last: true})
	}
	if len(s.broken) > 1001 || len(s.bodies) != 0 {
		t.Fatal(len(s.broken), len(s.bodies))
	}
}
