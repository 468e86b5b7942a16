package packages

import (
	"slices"
	"strings"
)

// CompareApk orders two versions as apk does: digit{.digit}…{letter}{_suffix{number}}…{~hash}{-r#}. Below zero when a is the older one.
func CompareApk(a, b string) int {
	one, other := firstToken(a), firstToken(b)
	for one.kind == other.kind && one.kind < endOfVersion {
		if order := one.compare(other); order != 0 {
			return order
		}
		one, other = one.next(), other.next()
	}
	switch {
	case one.kind == other.kind:
		return 0
	case one.early():
		return -1
	case other.early():
		return 1
	}
	return int(other.kind) - int(one.kind)
}

// kinds of what a version consists of: where one version has one and the other another, what comes first here is the newer one.
type tokenKind int

const (
	initialDigits tokenKind = iota
	moreDigits
	versionLetter
	versionSuffix
	suffixNumber
	commitHash
	revision
	endOfVersion
	invalidToken
)

// suffixes are in their order; those before "" come before what has none.
var suffixes = []string{"alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"}

type token struct {
	kind  tokenKind
	value string // what it says
	rank  int    // of a suffix
	rest  string
}

func firstToken(text string) token { return number(initialDigits, text) }

func number(kind tokenKind, text string) token {
	length := run(text, isDigit)
	if length == 0 {
		return token{kind: invalidToken}
	}
	return token{kind: kind, value: text[:length], rest: text[length:]}
}

// early says whether it makes a version come before one that has nothing there.
func (t token) early() bool {
	return t.kind == versionSuffix && t.rank < slices.Index(suffixes, "")
}

func (t token) compare(other token) int {
	switch t.kind {
	case moreDigits:
		if t.value[0] == '0' || other.value[0] == '0' { // as fractions
			return strings.Compare(t.value, other.value)
		}
		return digits(t.value, other.value)
	case initialDigits, suffixNumber, revision:
		return digits(t.value, other.value)
	case versionSuffix:
		return t.rank - other.rank
	}
	return strings.Compare(t.value, other.value)
}

func (t token) next() token {
	text := t.rest
	if text == "" {
		return token{kind: endOfVersion}
	}
	isHex := func(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }
	isLower := func(c byte) bool { return 'a' <= c && c <= 'z' }
	switch c := text[0]; {
	case isLower(c) && t.kind <= moreDigits:
		return token{kind: versionLetter, value: text[:1], rest: text[1:]}
	case c == '.' && t.kind <= moreDigits:
		return number(moreDigits, text[1:])
	case isDigit(c) && t.kind <= moreDigits:
		return number(moreDigits, text)
	case isDigit(c) && t.kind == versionSuffix:
		return number(suffixNumber, text)
	case c == '_' && t.kind <= suffixNumber:
		length := run(text[1:], isLower)
		for rank, name := range suffixes {
			if length > 0 && text[1:1+length] == name {
				return token{kind: versionSuffix, rank: rank, rest: text[1+length:]}
			}
		}
	case c == '~' && t.kind < commitHash:
		if length := run(text[1:], isHex); length > 0 {
			return token{kind: commitHash, value: text[1 : 1+length], rest: text[1+length:]}
		}
	case strings.HasPrefix(text, "-r") && t.kind < revision:
		return number(revision, text[2:])
	}
	return token{kind: invalidToken}
}
