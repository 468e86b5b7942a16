package cuelang

import (
	"encoding/json"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/token"
)

var (
	apiVersion = cue.ParsePath("apiVersion")
	kind       = cue.ParsePath("kind")
)

// Tree is where a value and the values in it stand; nil where that is not in a file of the request.
//
// It is written as [file, line, column, children], where children are an object or a list as the value is, or 0.
type Tree struct {
	file, line, column int
	fields             map[string]*Tree
	items              []*Tree
}

// MarshalJSON is json.Marshaler.
func (t *Tree) MarshalJSON() ([]byte, error) {
	written := [4]any{t.file, t.line, t.column, 0}
	switch {
	case len(t.fields) > 0:
		written[3] = t.fields
	case len(t.items) > 0:
		written[3] = t.items
	}
	return json.Marshal(written)
}

// collector finds the manifests in a value.
type collector struct {
	program    program
	whole      cue.Value
	complaints *complaints
	files      []string
	indexes    map[string]int
	objects    []Object
}

func newCollector(program program, whole cue.Value, complaints *complaints) *collector {
	return &collector{program: program, whole: whole, complaints: complaints, indexes: map[string]int{}, objects: []Object{}}
}

// collect looks through regular fields and lists. A struct with an apiVersion and a kind is a manifest, and has to be
// concrete; what is in it is not looked through.
func (c *collector) collect(value cue.Value) {
	switch value.IncompleteKind() {
	case cue.StructKind:
		if isText(value.LookupPath(apiVersion)) && isText(value.LookupPath(kind)) {
			c.manifest(value)
			return
		}
		fields, err := value.Fields()
		for err == nil && fields.Next() {
			c.collect(fields.Value())
		}
	case cue.ListKind:
		items, err := value.List()
		for err == nil && items.Next() {
			c.collect(items.Value())
		}
	}
}

func isText(value cue.Value) bool {
	_, err := value.String()
	return err == nil
}

func (c *collector) manifest(value cue.Value) {
	if err := value.Validate(cue.Concrete(true), cue.Final()); err != nil {
		c.complaints.addOf(err, c.program, c.whole)
		return
	}
	written, err := value.MarshalJSON()
	if err != nil {
		c.complaints.addOf(err, c.program, c.whole)
		return
	}
	c.objects = append(c.objects, Object{Path: value.Path().String(), Value: written, Place: c.place(value)})
}

// place is where a value stands, with all that is in it.
func (c *collector) place(value cue.Value) *Tree {
	tree := c.placeOf(value)
	switch value.IncompleteKind() {
	case cue.StructKind:
		fields, err := value.Fields()
		for err == nil && fields.Next() {
			if inner := c.place(fields.Value()); inner != nil {
				if tree.fields == nil {
					tree.fields = map[string]*Tree{}
				}
				tree.fields[fields.Selector().Unquoted()] = inner
			}
		}
	case cue.ListKind:
		items, err := value.List()
		for err == nil && items.Next() {
			tree.items = append(tree.items, c.place(items.Value()))
		}
	}
	return tree
}

// placeOf is the place of a value by itself: of what is written for it, the most particular; line 0 where that is in none of
// the files of the request. A struct stands where its field begins.
func (c *collector) placeOf(value cue.Value) *Tree {
	if value.IncompleteKind() != cue.StructKind {
		if tree := c.at(value.Pos()); tree != nil {
			return tree
		}
	}
	_, parts := value.Expr()
	for _, part := range parts {
		if tree := c.at(part.Pos()); tree != nil {
			return tree
		}
	}
	return &Tree{}
}

// at is a place in a file of the request; else nil.
func (c *collector) at(position token.Pos) *Tree {
	name := named(position.Filename())
	if _, sent := c.complaints.sent[name]; !sent {
		return nil
	}
	index, known := c.indexes[name]
	if !known {
		index = len(c.files)
		c.indexes[name] = index
		c.files = append(c.files, name)
	}
	return &Tree{file: index, line: position.Line(), column: position.Column()}
}
