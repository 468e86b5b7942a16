package packages

import (
	"path"
	"strings"

	"froyo.dev/runner/internal/fault"
)

// Compare orders two versions as dpkg does: below zero when a is the older one.
func Compare(a, b string) int {
	epochA, upstreamA, revisionA := parts(a)
	epochB, upstreamB, revisionB := parts(b)
	if order := digits(epochA, epochB); order != 0 {
		return order
	}
	if order := compare(upstreamA, upstreamB); order != 0 {
		return order
	}
	return compare(revisionA, revisionB)
}

// parts of a version: what is missing counts as nothing, and so does a revision of 0.
func parts(version string) (epoch, upstream, revision string) {
	if before, after, found := strings.Cut(version, ":"); found {
		epoch, version = before, after
	}
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		return epoch, version[:i], version[i+1:]
	}
	return epoch, version, ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// weight orders what is no digit: ~ before the end, letters before everything else.
func weight(text string) int {
	switch {
	case text == "" || isDigit(text[0]):
		return 0
	case text[0] == '~':
		return -1
	case 'a' <= text[0] && text[0] <= 'z' || 'A' <= text[0] && text[0] <= 'Z':
		return int(text[0])
	}
	return int(text[0]) + 256
}

// digits orders two numbers of any length.
func digits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// compare goes through what is no number and what is one by turns.
func compare(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !isDigit(a[0]) || b != "" && !isDigit(b[0]) {
			if order := weight(a) - weight(b); order != 0 {
				return order
			}
			a, b = a[1:], b[1:]
		}
		i, j := 0, 0
		for i < len(a) && isDigit(a[i]) {
			i++
		}
		for j < len(b) && isDigit(b[j]) {
			j++
		}
		if order := digits(a[:i], b[:j]); order != 0 {
			return order
		}
		a, b = a[i:], b[j:]
	}
	return 0
}

// bound is one condition of a range.
type bound struct{ operator, version string }

// Range is what a version may be: one, or all between bounds.
type Range []bound

// operators, the longer ones first.
var operators = []string{">=", "<=", ">>", "<<", ">", "<", "="}

// ParseRange reads "1.2-3", "1.2*", or bounds such as ">=1.2,<2". What is empty is any version.
func ParseRange(text string) (Range, error) {
	var found Range
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		one := bound{"=", strings.TrimSpace(part)}
		for _, operator := range operators {
			if rest, is := strings.CutPrefix(one.version, operator); is {
				one = bound{operator, strings.TrimSpace(rest)}
				break
			}
		}
		if !isVersion(strings.ReplaceAll(one.version, "*", "")) || one.operator != "=" && strings.Contains(one.version, "*") {
			return nil, fault.New(fault.BadRequest, "version: %q is neither a version nor bounds such as >=1.2,<2", text)
		}
		found = append(found, one)
	}
	return found, nil
}

func isVersion(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isDigit(c) && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !strings.ContainsRune(".+-~:", rune(c)) {
			return false
		}
	}
	return text != "" && len(text) <= 256
}

// Has says whether a version is within all bounds.
func (r Range) Has(version string) bool {
	for _, one := range r {
		if strings.Contains(one.version, "*") {
			if matches, _ := path.Match(one.version, version); !matches {
				return false
			}
			continue
		}
		order := Compare(version, one.version)
		switch one.operator {
		case "=":
			if order != 0 {
				return false
			}
		case ">=":
			if order < 0 {
				return false
			}
		case "<=":
			if order > 0 {
				return false
			}
		case ">", ">>":
			if order <= 0 {
				return false
			}
		default:
			if order >= 0 {
				return false
			}
		}
	}
	return true
}
