package frames_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/wire"
)

func load(t *testing.T, pattern string) map[string]wire.Object {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "golden", pattern))
	if err != nil || len(paths) < 5 {
		t.Fatalf("golden/%s: %d files, %v", pattern, len(paths), err)
	}
	cases := map[string]wire.Object{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		value, err := wire.Parse(content)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".json")] = value.(wire.Object)
	}
	return cases
}

func text(object wire.Object, key string) string {
	value, _ := object.Get(key)
	text, _ := value.(string)
	return text
}

// rawLine gives the case's line: raw bytes where it is not text. A byte of a line that stands for U+DC80…U+DCFF has been
// an escape within an escape, so the line itself is always text.
func rawLine(t *testing.T, object wire.Object) string {
	encoded, there := object.Get("line_base64")
	if !there {
		return text(object, "line")
	}
	line, err := base64.StdEncoding.DecodeString(encoded.(string))
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func after(object wire.Object) (lines string) {
	value, _ := object.Get("after")
	earlier, _ := value.(wire.Array)
	for _, line := range earlier {
		lines += line.(string) + "\n"
	}
	return lines
}

func TestGoldenFramesOfTheController(t *testing.T) {
	for name, golden := range load(t, "*.json") {
		if text(golden, "direction") != "controller" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			earlier := after(golden)
			reader := frames.NewReader(strings.NewReader(earlier + rawLine(t, golden) + "\n"))
			for range strings.Count(earlier, "\n") {
				if _, err := reader.Next(); err != nil {
					t.Fatal(err)
				}
			}
			frame, err := reader.Next()
			if valid, _ := golden.Get("valid"); valid == false {
				var broken *frames.ProtocolError
				if !errors.As(err, &broken) || string(broken.Kind) != text(golden, "error") {
					t.Fatalf("got %v, %v, want %s", frame, err, text(golden, "error"))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// The same frame in canonical form means the same to the decoder.
			want, _ := golden.Get("frame")
			again, err := frames.Decode(wire.Append(nil, want))
			if err != nil || !reflect.DeepEqual(sorted(frame), sorted(again)) {
				t.Fatalf("got %#v, want %#v, %v", frame, again, err)
			}
		})
	}
}

// sorted brings a command's objects into canonical order, so that they can be compared.
func sorted(frame frames.Frame) any {
	command, ok := frame.(*frames.Command)
	if !ok {
		return frame
	}
	items := wire.Array{}
	for _, item := range command.Items {
		items = append(items, item)
	}
	return []any{command.ID, command.Name, string(wire.Append(nil, items)), string(wire.Append(nil, command.Options)), command.Deadline}
}

func TestGoldenFramesInCanonicalForm(t *testing.T) {
	for name, golden := range load(t, "*.json") {
		if canonical, _ := golden.Get("canonical"); canonical != true {
			continue
		}
		t.Run(name, func(t *testing.T) {
			frame, _ := golden.Get("frame")
			if line := string(frames.Encode(frame.(wire.Object))); line != rawLine(t, golden)+"\n" {
				t.Fatalf("got %s", line)
			}
			value, err := wire.Parse([]byte(rawLine(t, golden)))
			if err != nil || string(wire.Append(nil, value)) != rawLine(t, golden) {
				t.Fatalf("parsed to %v, %v", value, err)
			}
		})
	}
}

func TestGoldenDigests(t *testing.T) {
	for name, golden := range load(t, "digests/*.json") {
		t.Run(name, func(t *testing.T) {
			value, _ := golden.Get("value")
			canonical := wire.Append(nil, value)
			if string(canonical) != text(golden, "canonical") {
				t.Fatalf("got %s", canonical)
			}
			sum := sha256.Sum256(canonical)
			if "sha256:"+hex.EncodeToString(sum[:]) != text(golden, "digest") {
				t.Fatal("the digest differs")
			}
		})
	}
}

// TestOwnFrames holds the runner's encoders to the golden frames.
func TestOwnFrames(t *testing.T) {
	golden := load(t, "*.json")
	ready, _ := golden["ready"].Get("frame")
	value, _ := ready.(wire.Object).Get("commands")
	commands := []string{}
	for _, command := range value.(wire.Array) {
		commands = append(commands, command.(string))
	}
	cases := map[string]wire.Object{
		"ready": frames.Ready(frames.Hello{
			Version: "0.1.0", Arch: "amd64", BootID: "5f3c2a10-8a9e-4a55-9d0e-0d2b1c1f7a11",
			Watch: "fanotify", PID: 4711, UID: 0, Commands: commands, Schemes: []string{"path", "unit"},
		}),
		"done_empty":       frames.Done(2, wire.Array{}),
		"heartbeat_runner": frames.Beat(),
		"exit_bare":        frames.Bye("eof", ""),
		"exit_runner":      frames.Bye("ttl", "no RENEW for 600 s"),
		"event_chunk": frames.Event(4, "chunk", wire.Object{
			wire.F("item", 0), wire.F("offset", 0), wire.F("data", "aGVsbG8K"), wire.F("encoding", "identity"),
		}),
	}
	for name, frame := range cases {
		if got := string(frames.Encode(frame)); got != text(golden[name], "line")+"\n" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
