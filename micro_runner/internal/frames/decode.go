package frames

import (
	"encoding/base64"
	"strings"
	"time"

	"froyo.dev/runner/internal/wire"
)

// Frame is one of the controller's frames.
type Frame interface{ frame() }

// Command asks for something to be done with each of the items.
type Command struct {
	ID       int64
	Name     string
	Items    []wire.Object
	Options  wire.Object
	Deadline time.Duration // 0: none
}

// Cancel stops a command.
type Cancel struct{ ID int64 }

// Blob is a piece of a body.
type Blob struct {
	Digest string
	Offset int64
	Data   []byte // as encoded
	Gzip   bool
	Last   bool
}

// Renew sets the time that the session has left.
type Renew struct{ TTL time.Duration }

// Fence says for which store, and under which token of its lease, the session is.
type Fence struct {
	Store string
	Token int64
}

// Heartbeat says nothing.
type Heartbeat struct{}

// Exit ends the session.
type Exit struct{}

func (*Command) frame()   {}
func (*Cancel) frame()    {}
func (*Blob) frame()      {}
func (*Renew) frame()     {}
func (*Fence) frame()     {}
func (*Heartbeat) frame() {}
func (*Exit) frame()      {}

const maxTTL = 24 * time.Hour

// Decode reads one line. The error is a *ProtocolError.
func Decode(line []byte) (Frame, error) {
	value, err := wire.Parse(line)
	if err != nil {
		return nil, &ProtocolError{NotJSON, err.Error()}
	}
	object, ok := value.(wire.Object)
	if !ok {
		return nil, &ProtocolError{NotObject, "a frame is an object"}
	}
	f := fields{object: object}
	name := f.text("type")
	var frame Frame
	switch {
	case f.err != nil:
	case name == "CMD":
		frame = f.command()
	case name == "CANCEL":
		frame = &Cancel{ID: f.integer("id", 1, wire.MaxInteger)}
	case name == "BLOB":
		frame = f.blob()
	case name == "RENEW":
		frame = &Renew{TTL: time.Duration(f.integer("ttl_ms", 1, maxTTL.Milliseconds())) * time.Millisecond}
	case name == "FENCE":
		frame = f.fence()
	case name == "HEARTBEAT":
		frame = &Heartbeat{}
	case name == "EXIT":
		frame = &Exit{}
	default:
		return nil, &ProtocolError{UnknownType, "a controller sends no frame of the type " + name}
	}
	if f.err != nil {
		return nil, f.err
	}
	return frame, nil
}

// fields reads an object's members and keeps the first error.
type fields struct {
	object wire.Object
	err    error
}

func (f *fields) fail(key, what string) {
	if f.err == nil {
		f.err = &ProtocolError{BadField, key + ": " + what}
	}
}

func (f *fields) text(key string) string {
	value, _ := f.object.Get(key)
	text, ok := value.(string)
	if !ok {
		f.fail(key, "a string is missing")
	}
	return text
}

func (f *fields) integer(key string, low, high int64) int64 {
	value, _ := f.object.Get(key)
	n, ok := wire.Int(value, low, high)
	if !ok {
		f.fail(key, "an integer is missing, or out of range")
	}
	return n
}

func (f *fields) command() *Command {
	command := &Command{ID: f.integer("id", 1, wire.MaxInteger), Name: f.text("command")}
	value, _ := f.object.Get("items")
	items, ok := value.(wire.Array)
	if !ok {
		f.fail("items", "a list is missing")
	}
	command.Items = make([]wire.Object, len(items))
	for i, item := range items {
		if command.Items[i], ok = item.(wire.Object); !ok {
			f.fail("items", "an item is no object")
		}
	}
	if value, there := f.object.Get("options"); there {
		if command.Options, ok = value.(wire.Object); !ok {
			f.fail("options", "no object")
		}
	}
	if _, there := f.object.Get("deadline_ms"); there {
		// The upper limit keeps the multiplication within 63 bits: some 292 years.
		command.Deadline = time.Duration(f.integer("deadline_ms", 1, int64(1<<63-1)/1e6)) * time.Millisecond
	}
	return command
}

func (f *fields) fence() *Fence {
	fence := &Fence{Store: f.text("store"), Token: f.integer("token", 1, wire.MaxInteger)}
	if f.err == nil && !isStore(fence.Store) {
		f.fail("store", "not 32 lower-case hexadecimal digits")
	}
	return fence
}

func isStore(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}

func (f *fields) blob() *Blob {
	blob := &Blob{Digest: f.text("digest"), Offset: f.integer("offset", 0, wire.MaxInteger)}
	if f.err == nil && !IsDigest(blob.Digest) {
		f.fail("digest", "not sha256: and 64 lower-case hexadecimal digits")
	}
	text := f.text("data")
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodedLen(len(data)) != len(text) { // it skips newlines
		f.fail("data", "not base64")
	}
	blob.Data = data
	if value, there := f.object.Get("encoding"); there {
		if value != "identity" && value != "gzip" {
			f.fail("encoding", "neither identity nor gzip")
		}
		blob.Gzip = value == "gzip"
	}
	if value, there := f.object.Get("last"); there {
		last, ok := value.(bool)
		if !ok {
			f.fail("last", "neither true nor false")
		}
		blob.Last = last
	}
	return blob
}

// IsDigest says whether the text has the form of a digest.
func IsDigest(text string) bool {
	const prefix = "sha256:"
	if len(text) != len(prefix)+64 || text[:len(prefix)] != prefix {
		return false
	}
	for _, c := range []byte(text[len(prefix):]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
