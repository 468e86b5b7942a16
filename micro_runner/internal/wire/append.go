package wire

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const hexadecimal = "0123456789abcdef"

// Append adds the canonical form of v to b. It panics on a value that is none.
func Append(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendString(b, v)
	case Object:
		return appendObject(b, v)
	case Array:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = Append(b, element)
		}
		return append(b, ']')
	case Raw:
		return append(b, v...)
	case Float:
		return append(b, v...)
	default:
		panic("wire: not a value")
	}
}

func byKey(a, b Member) int { return strings.Compare(a.Key, b.Key) }

func appendObject(b []byte, o Object) []byte {
	if !slices.IsSortedFunc(o, byKey) {
		o = slices.Clone(o)
		slices.SortStableFunc(o, byKey)
	}
	b = append(b, '{')
	first := true
	for i, member := range o {
		if i+1 < len(o) && o[i+1].Key == member.Key {
			continue // the last one counts
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, member.Key)
		b = append(b, ':')
		b = Append(b, member.Value)
	}
	return append(b, '}')
}

func plain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		if plain(s[i]) {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		r, size := rune(s[i]), 1
		if s[i] >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				r = 0xdc00 + rune(s[i]) // a byte that is not UTF-8
			}
		}
		b = appendEscape(b, r)
		i += size
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if r >= 0x10000 {
		r -= 0x10000
		b = appendUnit(b, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, unit rune) []byte {
	return append(b, '\\', 'u', hexadecimal[unit>>12&15], hexadecimal[unit>>8&15], hexadecimal[unit>>4&15], hexadecimal[unit&15])
}
