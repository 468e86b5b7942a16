package text

import (
	"bytes"
	"slices"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/wire"
)

// patch is what an edit does to the lines of a document: some of them go, and at one place there are new ones.
type patch struct {
	drops []int // which go, ascending
	puts  bool  // whether there are new ones
	at    int   // before which line of the document as it was they stand
	there bool  // whether there is anything already that stands for what is declared
	other []int // lines that would do as well, and are left alone
}

func (p *patch) empty() bool { return len(p.drops) == 0 && !p.puts }

// taken are the lines that go.
func (p *patch) taken(d *document) []line {
	lines := make([]line, len(p.drops))
	for i, at := range p.drops {
		lines[i] = d.lines[at]
	}
	return lines
}

// state is what `expect` compares: which lines go, and whether there are new ones. Where they stand is none of it, so that edits of one
// file do not get into each other's way.
func (p *patch) state(d *document) string {
	return digest.Of(wire.Append(nil, wire.Array{digest.Of(ended(p.taken(d))).String(), p.puts})).String()
}

// apply makes the edit. New lines end as those do in whose place they come, or else as their neighbours do. A last line without an end
// stays one, unless something comes behind it.
func (p *patch) apply(d *document, fresh [][]byte) *document {
	end := p.end(d)
	after := &document{mark: d.mark, lines: make([]line, 0, len(d.lines)+len(fresh))}
	put := func() {
		for _, content := range fresh {
			after.lines = append(after.lines, line{content, end})
		}
	}
	for i, one := range d.lines {
		if p.puts && i == p.at {
			put()
		}
		if _, goes := slices.BinarySearch(p.drops, i); !goes {
			after.lines = append(after.lines, one)
		}
	}
	if p.puts && p.at == len(d.lines) {
		put()
	}
	last := len(after.lines) - 1
	for i := range after.lines {
		if i < last && len(after.lines[i].end) == 0 {
			after.lines[i].end = end
		}
	}
	if p.puts && last >= 0 && p.replacesEnd(d) {
		after.lines[last].end = d.lines[len(d.lines)-1].end
	}
	return after
}

// replacesEnd says whether the new lines take the place of the last one.
func (p *patch) replacesEnd(d *document) bool {
	n := len(p.drops)
	if n == 0 || p.drops[n-1] != len(d.lines)-1 {
		return false
	}
	for i := p.at; i < len(d.lines); i++ {
		if _, goes := slices.BinarySearch(p.drops, i); !goes {
			return false
		}
	}
	return true
}

// end is how new lines end.
func (p *patch) end(d *document) []byte {
	near := []int{p.at - 1, p.at, 0}
	if len(p.drops) > 0 && p.drops[0] == p.at {
		near = []int{p.at, p.at - 1, 0}
	}
	for _, i := range near {
		if i >= 0 && i < len(d.lines) && len(d.lines[i].end) > 0 {
			return bytes.Clone(d.lines[i].end)
		}
	}
	return lf
}
