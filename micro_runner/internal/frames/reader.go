// Package frames turns lines into the controller's frames and the runner's frames into lines.
//
// Invariant: whatever bytes come in, Reader answers with a Frame or an error, in memory bounded by the limit of a frame. It does
// no more than check a frame's form: what a command's items mean is the command's business.
package frames

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Limit is the most bytes of a frame, newline included.
const Limit = 16 << 20

// maxKept is how much memory a long frame may leave reserved for the next one.
const maxKept = 2 << 20

// Kind is how a line breaks the protocol, as the golden frames call it.
type Kind string

// The kinds of protocol errors.
const (
	TooLarge    Kind = "too_large"
	NotJSON     Kind = "not_json"
	NotObject   Kind = "not_object"
	BadField    Kind = "bad_field"
	UnknownType Kind = "unknown_type"
	BadID       Kind = "bad_id"
)

// ProtocolError is why a line is no frame. There is no going on after one.
type ProtocolError struct {
	Kind   Kind
	Detail string
}

func (e *ProtocolError) Error() string { return string(e.Kind) + ": " + e.Detail }

// Reader reads the controller's frames.
type Reader struct {
	in     *bufio.Reader
	long   []byte // grows for a line that does not fit the buffer
	lastID int64
	limit  int
}

// NewReader reads from in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 64<<10), limit: Limit}
}

// Next gives the next frame: a *Command, *Cancel, *Blob, *Renew, *Fence, *Heartbeat or *Exit. At the orderly end of the input
// the error is io.EOF; when the input ends within a line, io.ErrUnexpectedEOF; a *ProtocolError for what is no frame.
func (r *Reader) Next() (Frame, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	frame, err := Decode(line)
	if err != nil {
		return nil, err
	}
	if command, ok := frame.(*Command); ok {
		if command.ID <= r.lastID {
			return nil, &ProtocolError{BadID, "the id of a command does not rise"}
		}
		r.lastID = command.ID
	}
	return frame, nil
}

// line gives the next line without its newline, valid until the next call.
func (r *Reader) line() ([]byte, error) {
	if cap(r.long) > maxKept {
		r.long = nil
	}
	r.long = r.long[:0]
	for {
		piece, err := r.in.ReadSlice('\n')
		if len(r.long)+len(piece) > r.limit {
			return nil, &ProtocolError{TooLarge, "a frame is longer than 16 MiB"}
		}
		switch {
		case err == nil && len(r.long) == 0:
			return piece[:len(piece)-1], nil
		case err == nil:
			r.long = append(r.long, piece...)
			return r.long[:len(r.long)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			r.long = append(r.long, piece...)
		case errors.Is(err, io.EOF) && len(r.long)+len(bytes.TrimSpace(piece)) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}
