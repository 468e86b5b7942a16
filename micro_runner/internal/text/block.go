package text

import (
	"bytes"

	"froyo.dev/runner/internal/fault"
)

// pair is a block as it stands in a document: its marker lines, and what is between them.
type pair struct{ begin, end int }

func (e *edit) isBegin(content []byte) bool { return bytes.Equal(trimmed(content), e.begin) }
func (e *edit) isEnd(content []byte) bool   { return bytes.Equal(trimmed(content), e.end) }

func trimmed(content []byte) []byte { return bytes.TrimRight(content, " \t") }

// block says what it takes that there be one block, with the declared content, or none. Of several the first one is it. Where a marker
// is missing nobody can tell what was between the two, unless that is what is declared.
func (e *edit) block(d *document) (patch, *fault.Fault) {
	pairs, alone := e.pairs(d)
	p := patch{there: len(pairs)+len(alone) > 0}
	if len(alone) > 0 {
		from, to, whole := e.mended(d, pairs, alone)
		if !whole {
			return p, e.damaged(d, alone)
		}
		p.drops, p.puts, p.at = span(from, to), !e.absent, from
		return p, nil
	}
	for i, one := range pairs {
		if i == 0 && !e.absent {
			if e.body.isLines(d.lines[one.begin+1 : one.end]) {
				continue
			}
			p.puts, p.at = true, one.begin
		}
		p.drops = append(p.drops, span(one.begin, one.end+1)...)
	}
	if len(pairs) == 0 && !e.absent {
		return e.place.put(d, p)
	}
	return p, nil
}

// pairs finds markers that belong together, and those that stand alone.
func (e *edit) pairs(d *document) (pairs []pair, alone []int) {
	open := -1
	for i, one := range d.lines {
		switch {
		case e.isBegin(one.content):
			if open >= 0 {
				alone = append(alone, open)
			}
			open = i
		case e.isEnd(one.content) && open >= 0:
			pairs, open = append(pairs, pair{open, i}), -1
		case e.isEnd(one.content):
			alone = append(alone, i)
		}
	}
	if open >= 0 {
		alone = append(alone, open)
	}
	return pairs, alone
}

// mended finds the lines of a block of which one marker is missing, and nothing else: the declared content is behind, or before, the
// other one.
func (e *edit) mended(d *document, pairs []pair, alone []int) (from, to int, whole bool) {
	if len(pairs) > 0 || len(alone) != 1 || !e.known {
		return 0, 0, false
	}
	at := alone[0]
	begins := e.isBegin(d.lines[at].content)
	from, to = at, at+1
	for size := int64(0); ; {
		inside := d.lines[from+1 : to]
		if !begins {
			inside = d.lines[from : to-1]
		}
		if size >= e.body.size && e.body.isLines(inside) {
			return from, to, true
		}
		next := to
		if !begins {
			next = from - 1
		}
		if next < 0 || next >= len(d.lines) || size > e.body.size {
			return 0, 0, false
		}
		size += int64(len(d.lines[next].content)) + 1
		from, to = min(from, next), max(to, next+1)
	}
}

func (e *edit) damaged(d *document, alone []int) *fault.Fault {
	one, has := d.lines[alone[0]].content, "no end"
	if e.isEnd(one) {
		has = "no beginning"
	}
	return fault.New(fault.NoPlace, "line %d, %q, has %s, so nobody can tell what of the file is the block; put the other marker back, or remove that line with what belonged to it", alone[0]+1, trimmed(one), has)
}

// span are the numbers from one to another, which is none of them.
func span(from, to int) []int {
	numbers := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}
