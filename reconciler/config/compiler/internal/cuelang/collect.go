package cuelang

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
)

var (
	apiVersion = cue.ParsePath("apiVersion")
	kind       = cue.ParsePath("kind")
)

// collector finds the manifests in a program's value.
type collector struct {
	program    program
	whole      cue.Value
	complaints *complaints
	precise    bool
	places     places
	objects    []Object
}

func newCollector(program program, whole cue.Value, complaints *complaints) *collector {
	return &collector{
		program: program, whole: whole, complaints: complaints, places: newPlaces(complaints.sent), objects: []Object{},
	}
}

// collect looks through regular fields and lists. A struct with an apiVersion and a kind is a manifest, and has to be
// concrete; what is in it is not looked through. Of what is undecided nobody knows whether it is one, or holds some.
func (c *collector) collect(value cue.Value) {
	value, _ = value.Default()
	if isText(value.LookupPath(apiVersion)) && isText(value.LookupPath(kind)) {
		c.manifest(value)
		return
	}
	if err := undecided(value); err != nil && !c.program.extended {
		c.complaints.addOf(err, c.program, c.whole)
	}
	if items, err := value.List(); err == nil {
		for items.Next() {
			c.collect(items.Value())
		}
	} else if fields, err := value.Fields(cue.Optional(true)); err == nil {
		for fields.Next() {
			if fields.FieldType().ConstraintType() == 0 {
				c.collect(fields.Value())
			}
		}
	}
}

func isText(value cue.Value) bool {
	_, err := value.String()
	return err == nil
}

// maxDepth is how deeply a manifest may be nested: no deeper than one in YAML.
const maxDepth = 64

func (c *collector) manifest(value cue.Value) {
	err := value.Validate(cue.Concrete(true), cue.Final())
	if err == nil {
		var text bytes.Buffer
		var tree *Tree
		if tree, err = c.write(&text, value, 0); err == nil {
			c.objects = append(c.objects, Object{Path: value.Path().String(), Value: text.Bytes(), Place: tree})
			return
		}
	}
	c.complaints.addOf(err, c.program, c.whole)
}

// plain complains of what CUE can say and no manifest can have.
func plain(value cue.Value) error {
	switch value.Kind() {
	case cue.IntKind:
		if _, err := value.Int64(); err != nil {
			return refused(value, "a whole number of more than 64 bits cannot be declared")
		}
	case cue.FloatKind, cue.NumberKind:
		if number, err := value.Float64(); err != nil && math.IsInf(number, 0) {
			return refused(value, "a number of more than 64 bits cannot be declared")
		}
	case cue.StringKind:
		if text, _ := value.String(); strings.ContainsRune(text, 0) {
			return refused(value, "a NUL character cannot be declared")
		}
	}
	return nil
}

func refused(value cue.Value, format string, arguments ...any) error {
	return errors.Newf(value.Pos(), "%s: "+format, append([]any{value.Path()}, arguments...)...)
}

// write writes a value as JSON, and gives the places of all that is in it.
func (c *collector) write(text *bytes.Buffer, value cue.Value, depth int) (*Tree, error) {
	value, _ = value.Default()
	if depth > maxDepth {
		return nil, refused(value, "nested more than %d levels deep", maxDepth)
	}
	tree := &Tree{}
	switch value.Kind() {
	case cue.StructKind:
		fields, err := value.Fields()
		if err != nil {
			return nil, err
		}
		if c.precise {
			if position := declared(value, c.complaints.sent); position.IsValid() {
				tree.spot = c.places.note(position)
			}
		}
		text.WriteByte('{')
		for fields.Next() {
			name := fields.Selector().Unquoted()
			if len(tree.fields) > 0 {
				text.WriteByte(',')
			}
			label, err := json.Marshal(name)
			if err != nil {
				return nil, err
			}
			text.Write(label)
			text.WriteByte(':')
			inner, err := c.write(text, fields.Value(), depth+1)
			if err != nil {
				return nil, err
			}
			tree.fields = append(tree.fields, field{name, inner})
		}
		text.WriteByte('}')
	case cue.ListKind:
		items, err := value.List()
		if err != nil {
			return nil, err
		}
		text.WriteByte('[')
		for items.Next() {
			if len(tree.items) > 0 {
				text.WriteByte(',')
			}
			inner, err := c.write(text, items.Value(), depth+1)
			if err != nil {
				return nil, err
			}
			tree.items = append(tree.items, inner)
		}
		text.WriteByte(']')
	default:
		if err := plain(value); err != nil {
			return nil, err
		}
		written, err := value.MarshalJSON()
		if err != nil {
			return nil, err
		}
		text.Write(written)
		tree.spot = c.places.note(value.Pos())
	}
	return tree, nil
}
