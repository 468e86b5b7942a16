// Package wire is JSON as the protocol has it: values, their parsing, and their canonical form.
//
// encoding/json does not fit. It replaces lone surrogates, so that names which are not UTF-8 would be lost; it
// matches keys without regard to case; and its reflection costs more than everything else that a warm look at a thousand files does.
//
// Invariant: Parse(Append(v)) equals v, and Append(Parse(b)) is the canonical form of b. A string holds the bytes
// that it stands for, not necessarily UTF-8. The package knows nothing of frames.
package wire

// A value is nil, bool, int64, string, Object, Array, Raw, or a Float (which only parsing makes).

// Member is one key with its value.
type Member struct {
	Key   string
	Value any
}

// F makes a Member.
func F(key string, value any) Member { return Member{key, value} }

// Object keeps its members in the order in which they came; the canonical form sorts them.
type Object []Member

// Array is a list of values.
type Array []any

// Raw is a value in canonical form already. Parsing never makes one.
type Raw []byte

// Float is a number that is not an integer within ±(2⁵³−1), as it was written. The protocol has none, but a field
// that nobody knows may hold one.
type Float string

// MaxInteger is the largest number on the wire, 2⁵³−1.
const MaxInteger = 1<<53 - 1

// Get gives the value of a key; of a key that is there twice the last counts.
func (o Object) Get(key string) (any, bool) {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].Key == key {
			return o[i].Value, true
		}
	}
	return nil, false
}
