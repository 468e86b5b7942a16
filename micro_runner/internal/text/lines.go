package text

import (
	"bytes"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
)

// line is one line of a text: what is in it, and what ends it, which is "\n", "\r\n" or, of the last one, perhaps nothing.
type line struct{ content, end []byte }

var (
	lf   = []byte("\n")
	crlf = []byte("\r\n")
	mark = []byte("\xef\xbb\xbf")
)

// document is a text as lines. A mark at its beginning (BOM) is none of its first line.
type document struct {
	mark  []byte
	lines []line
}

// parse takes a text apart; `bytes` gives the very same bytes again. What has two bytes or more for each character is not taken.
func parse(content []byte) (*document, error) {
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return nil, fault.New(fault.WrongType, "it is UTF-16 or UTF-32, of which no line is edited")
	}
	d := &document{}
	if bytes.HasPrefix(content, mark) {
		d.mark, content = content[:len(mark)], content[len(mark):]
	}
	for len(content) > 0 {
		at := bytes.IndexByte(content, '\n')
		one := line{content, nil}
		if at >= 0 {
			one = line{content[:at], content[at : at+1]}
			if at > 0 && content[at-1] == '\r' {
				one = line{content[:at-1], content[at-1 : at+1]}
			}
		}
		d.lines = append(d.lines, one)
		content = content[len(one.content)+len(one.end):]
	}
	return d, nil
}

func (d *document) bytes() []byte {
	size := len(d.mark)
	for _, one := range d.lines {
		size += len(one.content) + len(one.end)
	}
	content := append(make([]byte, 0, size), d.mark...)
	for _, one := range d.lines {
		content = append(append(content, one.content...), one.end...)
	}
	return content
}

// contents are those of some lines as one text, in which each is ended by a newline; of a single line there is none.
func contents(lines []line) []byte {
	if len(lines) == 1 {
		return lines[0].content
	}
	return ended(lines)
}

// ended has a newline behind each line.
func ended(lines []line) []byte {
	var all []byte
	for _, one := range lines {
		all = append(append(all, one.content...), '\n')
	}
	return all
}

// body is what is declared, of which one may know no more than what it was called by.
type body struct {
	sum  digest.Sum
	size int64
}

// isLine says whether a line is the body.
func (b *body) isLine(content []byte) bool {
	return int64(len(content)) == b.size && digest.Of(content) == b.sum
}

// isLines says whether lines are the body, whose last one need not be ended.
func (b *body) isLines(lines []line) bool {
	var size int64
	for _, one := range lines {
		if size += int64(len(one.content)) + 1; size > b.size+1 {
			return false
		}
	}
	all := ended(lines)
	if b.isLine(all) {
		return true
	}
	// Of an empty last line nothing would be left without its newline.
	return len(lines) > 0 && len(lines[len(lines)-1].content) > 0 && b.isLine(all[:len(all)-1])
}

// linesOf takes a body apart, which has no lines ended in another way than the file that they get into.
func linesOf(content []byte) ([][]byte, error) {
	if bytes.ContainsAny(content, "\r\x00") {
		return nil, fault.New(fault.BadRequest, "the content has a carriage return or a null byte in it; the file's own way to end lines is kept")
	}
	if len(content) == 0 {
		return nil, nil
	}
	return bytes.Split(bytes.TrimSuffix(content, lf), lf), nil
}
