package packages

import "strings"

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
