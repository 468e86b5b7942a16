package packages

import "strings"

// CompareRpm orders two versions as rpm does, EPOCH:VERSION-RELEASE: below zero when a is the older one. A release counts where both have one, as in
// what packages require.
func CompareRpm(a, b string) int { return compareParts(a, b, segments) }

// ComparePacman orders two versions as pacman does, which has its own idea of what stands between numbers.
func ComparePacman(a, b string) int { return compareParts(a, b, pacmanSegments) }

func compareParts(a, b string, compare func(a, b string) int) int {
	epochA, versionA, releaseA := rpmParts(a)
	epochB, versionB, releaseB := rpmParts(b)
	if order := compare(epochA, epochB); order != 0 {
		return order
	}
	if order := compare(versionA, versionB); order != 0 {
		return order
	}
	if releaseA == "" || releaseB == "" {
		return 0
	}
	return compare(releaseA, releaseB)
}

func rpmParts(text string) (epoch, version, release string) {
	epoch = "0"
	digits := 0
	for digits < len(text) && isDigit(text[digits]) {
		digits++
	}
	if digits < len(text) && text[digits] == ':' {
		if digits > 0 {
			epoch = text[:digits]
		}
		text = text[digits+1:]
	}
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		return epoch, text[:i], text[i+1:]
	}
	return epoch, text, ""
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// run is how many bytes of a text are alike.
func run(text string, alike func(byte) bool) int {
	length := 0
	for length < len(text) && alike(text[length]) {
		length++
	}
	return length
}

// segments is rpmvercmp: ~ before the end, ^ after it but before everything else, numbers after letters.
func segments(a, b string) int {
	if a == b {
		return 0
	}
	separates := func(c byte) bool { return !isDigit(c) && !isLetter(c) && c != '~' && c != '^' }
	for a != "" || b != "" {
		a, b = a[run(a, separates):], b[run(b, separates):]
		if before, other := strings.HasPrefix(a, "~"), strings.HasPrefix(b, "~"); before || other {
			if !before {
				return 1
			}
			if !other {
				return -1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if after, other := strings.HasPrefix(a, "^"), strings.HasPrefix(b, "^"); after || other {
			switch {
			case a == "":
				return -1
			case b == "":
				return 1
			case !other:
				return -1
			case !after:
				return 1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			break
		}
		order, lengthA, lengthB := segment(a, b)
		if order != 0 {
			return order
		}
		a, b = a[lengthA:], b[lengthB:]
	}
	return leftOver(a, b)
}

// segment orders what both begin with: a number is newer than what is none.
func segment(a, b string) (order, lengthA, lengthB int) {
	alike := isLetter
	if isDigit(a[0]) {
		alike = isDigit
	}
	lengthA, lengthB = run(a, alike), run(b, alike)
	switch {
	case lengthB == 0 && isDigit(a[0]):
		return 1, 0, 0
	case lengthB == 0:
		return -1, 0, 0
	case isDigit(a[0]):
		return digits(a[:lengthA], b[:lengthB]), lengthA, lengthB
	}
	return strings.Compare(a[:lengthA], b[:lengthB]), lengthA, lengthB
}

func leftOver(a, b string) int {
	switch {
	case a == "" && b == "":
		return 0
	case a == "":
		return -1
	}
	return 1
}

// pacmanSegments is alpm's: as an older rpmvercmp, but letters that follow where the other one has ended are older, and more between segments is newer.
func pacmanSegments(a, b string) int {
	if a == b {
		return 0
	}
	separates := func(c byte) bool { return !isDigit(c) && !isLetter(c) }
	for a != "" && b != "" {
		betweenA, betweenB := run(a, separates), run(b, separates)
		a, b = a[betweenA:], b[betweenB:]
		if a == "" || b == "" {
			break
		}
		if betweenA != betweenB {
			if betweenA < betweenB {
				return -1
			}
			return 1
		}
		order, lengthA, lengthB := segment(a, b)
		if order != 0 {
			return order
		}
		a, b = a[lengthA:], b[lengthB:]
	}
	switch {
	case a == "" && b == "":
		return 0
	case a == "" && !isLetter(b[0]), a != "" && isLetter(a[0]):
		return -1
	}
	return 1
}
