package cuelang

import (
	"encoding/json"
	"strconv"

	"cuelang.org/go/cue/token"
)

// spot is a place in a file of the request. What comes from elsewhere has none.
type spot struct {
	file, line, column int
}

// places knows the files in which values stand, and how many values come from each place.
type places struct {
	sent    map[string]string
	files   []string
	indexes map[string]int
	uses    map[spot]int
}

func newPlaces(sent map[string]string) places {
	return places{sent: sent, indexes: map[string]int{}, uses: map[spot]int{}}
}

func (p *places) note(position token.Pos) *spot {
	name := named(position.Filename())
	if _, sent := p.sent[name]; !sent {
		return nil
	}
	index, known := p.indexes[name]
	if !known {
		index = len(p.files)
		p.indexes[name] = index
		p.files = append(p.files, name)
	}
	here := spot{index, position.Line(), position.Column()}
	p.uses[here]++
	return &here
}

// Tree is where a value and the values in it stand.
//
// It is written as [file, line, column, children], where children are an object or a list as the value is, or 0. A struct or
// a list stands where the most particular of the values in it does: the one that the fewest others come from the place of.
// So an object of many that a template makes stands where it is told from the others. Line 0 is nowhere.
type Tree struct {
	spot   *spot
	fields []field
	items  []*Tree
}

type field struct {
	name string
	tree *Tree
}

// isMoreParticular says whether fewer values come from a place than from another one. Of two that are alike it is the later:
// templates are written before what they are for.
func (s spot) isMoreParticular(than spot, uses map[spot]int) bool {
	if uses[s] != uses[than] {
		return uses[s] < uses[than]
	}
	return s.file == than.file && s.line > than.line
}

// settle gives structs and lists their places, once all values are known.
func (t *Tree) settle(uses map[spot]int) *spot {
	known := t.spot
	for _, inner := range t.inner() {
		found := inner.settle(uses)
		if found != nil && (t.spot == nil || found.isMoreParticular(*t.spot, uses)) {
			t.spot = found
		}
	}
	if known != nil {
		t.spot = known
	}
	return t.spot
}

// narrow gives structs that have places of their own that of the struct which they are in, where theirs are places of a
// template and that one's is not: what is missing in one of many objects is missing in that one.
func (t *Tree) narrow(uses map[spot]int) {
	for _, inner := range t.inner() {
		if len(inner.fields) > 0 && inner.spot != nil && t.spot != nil && t.spot.isMoreParticular(*inner.spot, uses) {
			inner.spot = t.spot
		}
		inner.narrow(uses)
	}
}

func (t *Tree) inner() []*Tree {
	all := t.items
	for _, one := range t.fields {
		all = append(all, one.tree)
	}
	return all
}

// MarshalJSON is json.Marshaler.
func (t *Tree) MarshalJSON() ([]byte, error) {
	return t.appendJSON(nil)
}

func (t *Tree) appendJSON(text []byte) ([]byte, error) {
	here := spot{}
	if t.spot != nil {
		here = *t.spot
	}
	for i, number := range [3]int{here.file, here.line, here.column} {
		text = append(text, "[,,"[i])
		text = strconv.AppendInt(text, int64(number), 10)
	}
	text = append(text, ',')
	var err error
	switch {
	case len(t.fields) > 0:
		for i, one := range t.fields {
			text = append(text, "{,"[min(i, 1)])
			label, err := json.Marshal(one.name)
			if err != nil {
				return nil, err
			}
			text = append(append(text, label...), ':')
			if text, err = one.tree.appendJSON(text); err != nil {
				return nil, err
			}
		}
		text = append(text, '}')
	case len(t.items) > 0:
		for i, one := range t.items {
			text = append(text, "[,"[min(i, 1)])
			if text, err = one.appendJSON(text); err != nil {
				return nil, err
			}
		}
		text = append(text, ']')
	default:
		text = append(text, '0')
	}
	return append(text, ']'), nil
}
