package command

import (
	"encoding/base64"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// Arguments reads the fields of an item and keeps the first thing wrong with them. A field that is null is as good as left out.
type Arguments struct {
	item wire.Object
	err  error
}

// Read begins to read an item.
func Read(item wire.Object) *Arguments { return &Arguments{item: item} }

// Err is the first thing wrong.
func (a *Arguments) Err() error { return a.err }

// Fail notes something wrong with a field.
func (a *Arguments) Fail(field, what string) {
	if a.err == nil {
		a.err = fault.New(fault.BadRequest, "%s: %s", field, what)
	}
}

// Has says whether a field is there.
func (a *Arguments) Has(field string) bool {
	value, _ := a.item.Get(field)
	return value != nil
}

// Text reads a string; "" when it is left out.
func (a *Arguments) Text(field string) string {
	value, _ := a.item.Get(field)
	text, ok := value.(string)
	if value != nil && !ok {
		a.Fail(field, "not a string")
	}
	return text
}

// Bool reads true or false.
func (a *Arguments) Bool(field string, otherwise bool) bool {
	value, _ := a.item.Get(field)
	if value == nil {
		return otherwise
	}
	b, ok := value.(bool)
	if !ok {
		a.Fail(field, "neither true nor false")
	}
	return b
}

// Int reads an integer that is not negative.
func (a *Arguments) Int(field string, otherwise, high int64) int64 {
	value, _ := a.item.Get(field)
	if value == nil {
		return otherwise
	}
	n, ok := wire.Int(value, 0, high)
	if !ok {
		a.Fail(field, "not an integer between 0 and "+strconv.FormatInt(high, 10))
	}
	return n
}

// Strings reads a list of strings.
func (a *Arguments) Strings(field string) []string {
	value, _ := a.item.Get(field)
	if value == nil {
		return nil
	}
	list, ok := value.(wire.Array)
	texts := make([]string, len(list))
	for i, element := range list {
		text, is := element.(string)
		texts[i], ok = text, ok && is
	}
	if !ok {
		a.Fail(field, "not a list of strings")
	}
	return texts
}

// Object reads an object, of which the fields are read in their turn; nil when it is left out.
func (a *Arguments) Object(field string) wire.Object {
	value, _ := a.item.Get(field)
	object, ok := value.(wire.Object)
	if value != nil && !ok {
		a.Fail(field, "not an object")
	}
	return object
}

// Environment reads an object of strings, as NAME=VALUE.
func (a *Arguments) Environment(field string) []string {
	value, _ := a.item.Get(field)
	if value == nil {
		return nil
	}
	object, ok := value.(wire.Object)
	var variables []string
	for _, member := range object {
		text, is := member.Value.(string)
		variables, ok = append(variables, member.Key+"="+text), ok && is
	}
	if !ok {
		a.Fail(field, "not an object of strings")
	}
	return variables
}

// Bytes reads base64.
func (a *Arguments) Bytes(field string) []byte {
	data, err := base64.StdEncoding.DecodeString(a.Text(field))
	if err != nil {
		a.Fail(field, "not base64")
	}
	return data
}

// Path reads a path, which has to be there.
func (a *Arguments) Path() string {
	path := a.Text("path")
	if a.err == nil {
		a.err = walk.Check(path)
	}
	return path
}

// Digest reads a digest, if there is one.
func (a *Arguments) Digest(field string) (sum digest.Sum, there bool) {
	text := a.Text(field)
	if text == "" {
		return sum, false
	}
	sum, ok := digest.Parse(text)
	if !ok || !frames.IsDigest(text) {
		a.Fail(field, "not sha256: and 64 lower-case hexadecimal digits")
	}
	return sum, true
}

// Keep says that an owner or a mode stays as it is.
const Keep = -1

// Mode reads permission bits; Keep when they are left out.
func (a *Arguments) Mode() int {
	text := a.Text("mode")
	if text == "" {
		return Keep
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o7777 {
		a.Fail("mode", "not up to four octal digits")
	}
	return int(mode)
}

// Owner reads user and group; Keep for what is left out.
func (a *Arguments) Owner(names *owner.Names) (uid, gid int) {
	return a.principal("uid", "owner", names.UID), a.principal("gid", "group", names.GID)
}

const maxID = 1<<32 - 2

// Number reads the number of a user or group; Keep when it is left out.
func (a *Arguments) Number(field string) int {
	if !a.Has(field) {
		return Keep
	}
	return int(a.Int(field, 0, maxID))
}

func (a *Arguments) principal(number, name string, find func(string) (uint32, error)) int {
	if a.Has(number) {
		return a.Number(number)
	}
	text := a.Text(name)
	if text == "" || a.err != nil {
		return Keep
	}
	id, err := find(text)
	if err != nil {
		a.err = err
	}
	return int(id)
}

// IsID says whether something is the name of what is done by itself and found again: 8 to 64 hexadecimal digits.
func IsID(text string) bool {
	return len(text) >= 8 && len(text) <= 64 && strings.Trim(text, "0123456789abcdef") == ""
}
