package cuelang

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
)

// undecided says why nobody knows whether a value is a manifest or has some in it: for want of a value an `if` or a `for` is
// not gone through, one of several is meant, or it has half of what a manifest has. Else it would be left out in silence, and
// what it declared until now would go. Other values may lack something: what they are, they declare nothing.
func undecided(value cue.Value) error {
	if err := value.Err(); err != nil {
		if mayHold(value) {
			return err
		}
		return nil
	}
	if value.IncompleteKind() == cue.StructKind && !value.IsConcrete() {
		_, err := value.Fields()
		return err
	}
	if !value.IsConcrete() {
		if operator, ways := taken(value); operator == cue.OrOp && slices.ContainsFunc(ways, isHalf) {
			return value.Validate(cue.Concrete(true))
		}
		return nil
	}
	one, other := value.LookupPath(apiVersion), value.LookupPath(kind)
	switch {
	case isText(one) && isOpen(other):
		return other.Validate(cue.Concrete(true))
	case isText(other) && isOpen(one):
		return one.Validate(cue.Concrete(true))
	}
	return nil
}

// isOpen says whether there is something that may become a text.
func isOpen(value cue.Value) bool {
	return value.Exists() && !value.IsConcrete()
}

// isHalf says whether a value has either part of what makes a manifest.
func isHalf(value cue.Value) bool {
	return isText(value.LookupPath(apiVersion)) || isText(value.LookupPath(kind))
}

// mayHold says whether a value that cannot be worked out may come to be a struct or a list. What is computed cannot, but for
// what reads a text.
func mayHold(value cue.Value) bool {
	operator, parts := taken(value)
	switch operator {
	case cue.NoOp:
		kind := value.IncompleteKind()
		return kind == cue.BottomKind || kind&(cue.StructKind|cue.ListKind) != 0
	case cue.AndOp:
		return !slices.ContainsFunc(parts, func(part cue.Value) bool { return !mayHold(part) })
	case cue.OrOp:
		return slices.ContainsFunc(parts, mayHold)
	case cue.SelectorOp, cue.IndexOp, cue.SliceOp:
		return true
	case cue.CallOp:
		return strings.Contains(fmt.Sprint(parts[0]), "Unmarshal")
	}
	return false
}

// taken takes a value apart as it is written. What the library breaks down at, as at some slices, counts as a whole.
func taken(value cue.Value) (operator cue.Op, parts []cue.Value) {
	defer func() {
		if recover() != nil {
			operator, parts = cue.NoOp, nil
		}
	}()
	return value.Expr()
}
