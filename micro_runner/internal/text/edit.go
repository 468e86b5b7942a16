// Package text is the commands text.look and text.edit: a line, or a block between two marker lines, in a file that others own too.
//
// Invariants: no byte changes that an edit is not about. An edit that was made has nothing to do any more, whatever the text is. The
// time that it takes is linear in the size of the text: expressions are those of Go's regexp.
package text

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
)

const (
	maxExpression = 1024
	maxMarker     = 1024
)

// edit is what is wanted.
type edit struct {
	absent  bool
	known   bool // whether there is a body
	body    body
	place   place
	match   *regexp.Regexp
	several several
	begin   []byte // the marker lines of a block; nil of a line
	end     []byte
}

// several says what is done where more than one line matches.
type several string

const (
	refuse several = ""
	first  several = "first"
	last   several = "last"
	all    several = "all"
)

// place is where new lines come.
type place struct {
	after, before *regexp.Regexp
	atBegin       bool
}

// read reads the fields of an edit; the body's digest is in the field of that name.
func read(a *command.Arguments, digestIn string) edit {
	e := edit{absent: a.Bool("absent", false)}
	e.body.sum, e.known = a.Digest(digestIn)
	e.body.size = a.Int("size", 0, maxContent)
	e.place = place{after: expression(a, "after"), before: expression(a, "before"), atBegin: a.Text("at") == "begin"}
	e.match = expression(a, "match")
	e.several = several(a.Text("several"))
	if a.Has("begin") || a.Has("end") {
		e.begin, e.end = marker(a, "begin"), marker(a, "end")
		if bytes.Equal(e.begin, e.end) {
			a.Fail("end", "the same as begin")
		}
		if e.match != nil {
			a.Fail("match", "a block is found by its markers")
		}
	}
	switch {
	case e.several != refuse && e.several != first && e.several != last && e.several != all:
		a.Fail("several", "none of first, last and all")
	case !e.known && !e.absent:
		a.Fail(digestIn, "what is to be there has a content")
	case !e.known && e.begin == nil && e.match == nil:
		a.Fail("match", "neither a line nor an expression")
	}
	return e
}

func expression(a *command.Arguments, field string) *regexp.Regexp {
	text := a.Text(field)
	if !a.Has(field) {
		return nil
	}
	if len(text) > maxExpression {
		a.Fail(field, "an expression of more than "+strconv.Itoa(maxExpression)+" bytes")
		return nil
	}
	found, err := regexp.Compile(text)
	if err != nil {
		a.Fail(field, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return found
}

func marker(a *command.Arguments, field string) []byte {
	text := strings.TrimRight(a.Text(field), " \t")
	if text == "" || len(text) > maxMarker || strings.ContainsAny(text, "\n\r\x00") {
		a.Fail(field, "not one line with something in it")
	}
	return []byte(text)
}

// on says what the edit does to a document. A fault is what is in its way: something of the text has to change first.
func (e *edit) on(d *document) (patch, *fault.Fault) {
	if e.begin != nil {
		return e.block(d)
	}
	return e.line(d)
}

// fresh are the lines that an edit puts there.
func (e *edit) fresh(content []byte) ([][]byte, error) {
	lines, err := linesOf(content)
	if err != nil {
		return nil, err
	}
	if e.begin == nil {
		if len(lines) != 1 || bytes.HasSuffix(content, lf) {
			return nil, fault.New(fault.BadRequest, "a line is one line, with something in it")
		}
		return lines, nil
	}
	for _, one := range lines {
		if e.isBegin(one) || e.isEnd(one) {
			return nil, fault.New(fault.BadRequest, "the content of the block has one of its own marker lines in it; choose another marker")
		}
	}
	return append(append([][]byte{e.begin}, lines...), e.end), nil
}

// line says what it takes that a line be there, or none of it.
func (e *edit) line(d *document) (patch, *fault.Fault) {
	var exact, similar []int
	for i, one := range d.lines {
		switch {
		case e.known && e.body.isLine(one.content):
			exact = append(exact, i)
		case e.match != nil && e.match.Match(one.content):
			similar = append(similar, i)
		}
	}
	p := patch{there: len(exact)+len(similar) > 0}
	switch {
	case e.absent:
		p.drops = merge(exact, similar)
	case len(exact) > 0 && e.several == all:
		p.drops = similar
	case len(exact) > 0:
		p.other = similar
	case len(similar) == 0:
		return e.place.put(d, p)
	case len(similar) > 1 && e.several == refuse:
		return p, fault.New(fault.NoPlace, "%d lines match (%s), so it is not certain which one is meant; several: first, last or all says it", len(similar), numbers(similar))
	case e.several == all:
		p.drops, p.puts, p.at = similar, true, similar[0]
	case e.several == last:
		chosen := len(similar) - 1
		p.drops, p.puts, p.at = similar[chosen:], true, similar[chosen]
	default:
		p.drops, p.puts, p.at = similar[:1], true, similar[0]
	}
	return p, nil
}

// put finds the place of what is not there yet.
func (l *place) put(d *document, p patch) (patch, *fault.Fault) {
	p.puts, p.at = true, len(d.lines)
	switch {
	case l.atBegin:
		p.at = 0
	case l.after != nil:
		for i := len(d.lines) - 1; i >= 0; i-- {
			if l.after.Match(d.lines[i].content) {
				p.at = i + 1
				return p, nil
			}
		}
		return p, noAnchor("after", l.after)
	case l.before != nil:
		for i, one := range d.lines {
			if l.before.Match(one.content) {
				p.at = i
				return p, nil
			}
		}
		return p, noAnchor("before", l.before)
	}
	return p, nil
}

func noAnchor(side string, wanted *regexp.Regexp) *fault.Fault {
	return fault.New(fault.NoPlace, "no line matches %s, %s which it is to come, so there is no place for what is declared", wanted, side)
}

// numbers are those of lines as people count them, the first few.
func numbers(lines []int) string {
	const most = 5
	var text []string
	for i, one := range lines {
		if i == most {
			return strings.Join(text, ", ") + " and more"
		}
		text = append(text, strconv.Itoa(one+1))
	}
	return strings.Join(text, ", ")
}

// merge puts two ascending lists together.
func merge(a, b []int) []int {
	merged := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// describe gives lines as a difference shows them: digest and size.
func describe(lines []line) (digest.Sum, []byte) {
	text := contents(lines)
	return digest.Of(text), text
}
