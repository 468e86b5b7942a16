package frames

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"froyo.dev/runner/internal/wire"
)

func TestReaderTakesFramesByteByByte(t *testing.T) {
	input := `{"type":"HEARTBEAT"}` + "\n" + `{"type":"CANCEL","id":3}` + "\n"
	reader := NewReader(iotest.OneByteReader(strings.NewReader(input)))
	if frame, err := reader.Next(); err != nil || *frame.(*Heartbeat) != (Heartbeat{}) {
		t.Fatal(frame, err)
	}
	if frame, err := reader.Next(); err != nil || frame.(*Cancel).ID != 3 {
		t.Fatal(frame, err)
	}
	if _, err := reader.Next(); err != io.EOF {
		t.Fatal(err)
	}
}

func TestReaderSaysWhenTheInputEndsWithinAFrame(t *testing.T) {
	_, err := NewReader(strings.NewReader(`{"type":"HEARTB`)).Next()
	if err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
}

func TestReaderPassesAnErrorOfTheInputOn(t *testing.T) {
	gone := errors.New("gone")
	if _, err := NewReader(iotest.ErrReader(gone)).Next(); err != gone {
		t.Fatal(err)
	}
}

func TestReaderTakesAFrameOfExactlyTheLimit(t *testing.T) {
	frame := func(size int) io.Reader {
		head, tail := `{"type":"HEARTBEAT","x":"`, `"}`+"\n"
		return strings.NewReader(head + strings.Repeat("x", size-len(head)-len(tail)) + tail)
	}
	if _, err := NewReader(frame(Limit)).Next(); err != nil {
		t.Fatal(err)
	}
	_, err := NewReader(frame(Limit + 1)).Next()
	var broken *ProtocolError
	if !errors.As(err, &broken) || broken.Kind != TooLarge {
		t.Fatal(err)
	}
}

func TestReaderRefusesALineWithoutEndInBoundedMemory(t *testing.T) {
	reader := NewReader(endless{})
	reader.limit = 1 << 20
	_, err := reader.Next()
	var broken *ProtocolError
	if !errors.As(err, &broken) || broken.Kind != TooLarge || cap(reader.long) > 3<<20 {
		t.Fatal(err, cap(reader.long))
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// FuzzReader: whatever comes in, the reader neither panics nor hangs, and what it takes as a command survives being
// written and read again.
func FuzzReader(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join("..", "..", "golden", "*.json"))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		golden, err := wire.Parse(content)
		if err != nil {
			f.Fatal(err)
		}
		line, _ := golden.(wire.Object).Get("line")
		text, _ := line.(string)
		f.Add([]byte(text + "\n"))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		reader := NewReader(bytes.NewReader(input))
		reader.limit = 1 << 16
		for {
			frame, err := reader.Next()
			if err != nil {
				return
			}
			if command, ok := frame.(*Command); ok {
				for _, item := range command.Items {
					canonical := wire.Append(nil, item)
					value, err := wire.Parse(canonical)
					if err != nil || !bytes.Equal(wire.Append(nil, value), canonical) {
						t.Fatalf("%q does not survive: %v", canonical, err)
					}
				}
			}
		}
	})
}
