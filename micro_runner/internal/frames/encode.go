package frames

import (
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// Encode gives the line of a frame, newline included.
func Encode(frame wire.Object) []byte {
	return append(wire.Append(nil, frame), '\n')
}

// Done is the end of a command that has a result for each item. The results are a wire.Array or, in canonical form, wire.Raw.
func Done(id int64, results any) wire.Object {
	return wire.Object{wire.F("id", id), wire.F("results", results), wire.F("type", "DONE")}
}

// Failed is the end of a command that failed as a whole.
func Failed(id int64, failure *fault.Fault) wire.Object {
	return wire.Object{wire.F("error", failure.Value()), wire.F("id", id), wire.F("type", "ERROR")}
}

// Event is something from a command under way.
func Event(id int64, name string, data wire.Object) wire.Object {
	return wire.Object{wire.F("data", data), wire.F("event", name), wire.F("id", id), wire.F("type", "EVENT")}
}

// Beat is a sign of life.
func Beat() wire.Object { return wire.Object{wire.F("type", "HEARTBEAT")} }

// Bye is the last frame.
func Bye(reason, message string) wire.Object {
	frame := wire.Object{wire.F("reason", reason), wire.F("type", "EXIT")}
	if message != "" {
		frame = append(frame, wire.F("message", message))
	}
	return frame
}

// Hello is what READY says.
type Hello struct {
	Version, Arch, BootID, Watch string
	PID, UID                     int
	Commands                     []string
	Schemes                      []string // of subjects that can be watched
}

// Ready is the first frame.
func Ready(h Hello) wire.Object {
	return wire.Object{
		wire.F("arch", h.Arch), wire.F("boot_id", h.BootID), wire.F("commands", texts(h.Commands)), wire.F("os", "linux"), wire.F("pid", h.PID),
		wire.F("protocol", 1), wire.F("schemes", texts(h.Schemes)), wire.F("type", "READY"), wire.F("uid", h.UID), wire.F("version", h.Version), wire.F("watch", h.Watch),
	}
}

func texts(list []string) wire.Array {
	array := make(wire.Array, len(list))
	for i, text := range list {
		array[i] = text
	}
	return array
}
