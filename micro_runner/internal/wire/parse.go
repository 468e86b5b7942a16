package wire

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the recursion; no frame comes near it.
const maxDepth = 64

var errSyntax = errors.New("not JSON")

// Parse reads exactly one value. The strings of the result do not share memory with b.
func Parse(b []byte) (any, error) {
	p := parser{b: b}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i != len(b) {
		return nil, p.fail("something after the value")
	}
	return v, nil
}

type parser struct {
	b []byte
	i int
}

func (p *parser) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d", errSyntax, what, p.i)
}

func (p *parser) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// next gives the byte at the position, 0 at the end. A zero byte is nowhere valid outside of a string, nor in one.
func (p *parser) next() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) word(word string, v any) (any, error) {
	if len(p.b)-p.i < len(word) || string(p.b[p.i:p.i+len(word)]) != word {
		return nil, p.fail("an unknown word")
	}
	p.i += len(word)
	return v, nil
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, p.fail("nested too deep")
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == 't':
		return p.word("true", true)
	case c == 'f':
		return p.word("false", false)
	case c == 'n':
		return p.word("null", nil)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return nil, p.fail("no value")
}

func (p *parser) object(depth int) (any, error) {
	p.i++
	object := Object{}
	p.space()
	if p.next() == '}' {
		p.i++
		return object, nil
	}
	for {
		p.space()
		if p.next() != '"' {
			return nil, p.fail("no key")
		}
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		p.space()
		if p.next() != ':' {
			return nil, p.fail("no colon")
		}
		p.i++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object = append(object, Member{key, v})
		p.space()
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			return object, nil
		default:
			return nil, p.fail("an object that does not end")
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	p.i++
	array := Array{}
	p.space()
	if p.next() == ']' {
		p.i++
		return array, nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		p.space()
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			return array, nil
		default:
			return nil, p.fail("a list that does not end")
		}
	}
}

func (p *parser) digits() bool {
	start := p.i
	for p.next() >= '0' && p.next() <= '9' {
		p.i++
	}
	return p.i > start
}

func (p *parser) number() (any, error) {
	start := p.i
	if p.next() == '-' {
		p.i++
	}
	if p.next() == '0' {
		p.i++
	} else if !p.digits() {
		return nil, p.fail("no number")
	}
	integer := true
	if p.next() == '.' {
		integer = false
		p.i++
		if !p.digits() {
			return nil, p.fail("no number")
		}
	}
	if p.next() == 'e' || p.next() == 'E' {
		integer = false
		p.i++
		if p.next() == '+' || p.next() == '-' {
			p.i++
		}
		if !p.digits() {
			return nil, p.fail("no number")
		}
	}
	text := string(p.b[start:p.i])
	if integer {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= MaxInteger && n >= -MaxInteger {
			return n, nil
		}
	}
	return Float(text), nil
}

func (p *parser) string() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.b) && plain(p.b[p.i]) {
		p.i++
	}
	if p.next() == '"' { // nearly all strings
		s := string(p.b[start:p.i])
		p.i++
		return s, nil
	}
	s := append([]byte(nil), p.b[start:p.i]...)
	for p.i < len(p.b) {
		c := p.b[p.i]
		switch {
		case c == '"':
			p.i++
			return string(s), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			if r >= 0xdc80 && r <= 0xdcff {
				s = append(s, byte(r)) // a byte that is not UTF-8
			} else {
				s = utf8.AppendRune(s, r)
			}
		case c < 0x20:
			return "", p.fail("a control character in a string")
		case c < utf8.RuneSelf:
			s = append(s, c)
			p.i++
		default:
			r, size := utf8.DecodeRune(p.b[p.i:])
			if r == utf8.RuneError && size == 1 {
				return "", p.fail("bytes that are not UTF-8")
			}
			s = append(s, p.b[p.i:p.i+size]...)
			p.i += size
		}
	}
	return "", p.fail("a string that does not end")
}

func (p *parser) escape() (rune, error) {
	p.i++
	c := p.next()
	p.i++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
	default:
		return 0, p.fail("an unknown escape")
	}
	unit, err := p.unit()
	if err != nil {
		return 0, err
	}
	if unit < 0xd800 || unit > 0xdfff || unit >= 0xdc80 && unit <= 0xdcff {
		return unit, nil
	}
	if unit < 0xdc00 && p.next() == '\\' && p.i+1 < len(p.b) && p.b[p.i+1] == 'u' {
		p.i += 2
		low, err := p.unit()
		if err != nil {
			return 0, err
		}
		if low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (unit-0xd800)<<10 + low - 0xdc00, nil
		}
	}
	return 0, p.fail("half of a surrogate pair")
}

func (p *parser) unit() (rune, error) {
	if len(p.b)-p.i < 4 {
		return 0, p.fail("a short escape")
	}
	n, err := strconv.ParseUint(string(p.b[p.i:p.i+4]), 16, 16)
	if err != nil {
		return 0, p.fail("a wrong escape")
	}
	p.i += 4
	return rune(n), nil
}

// Int gives an integer within [low, high].
func Int(v any, low, high int64) (int64, bool) {
	n, ok := v.(int64)
	return n, ok && n >= low && n <= high
}
