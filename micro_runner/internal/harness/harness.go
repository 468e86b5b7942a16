// Package harness runs commands in tests, without a process around them.
package harness

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"froyo.dev/runner/internal/blob"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/harness/disk"
	"froyo.dev/runner/internal/own"
	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/wire"
)

// Object is an item or a reply.
type Object = map[string]any

// NewHost is what the commands of a session share.
func NewHost() *command.Host {
	return &command.Host{
		Names: owner.NewNames(), Digests: digest.NewMemory(), Blobs: blob.NewStore(blob.DefaultBudgets),
		Temps: temp.NewWorkshop(), Own: own.NewWrites(), Hung: hang.NewPlaces(),
	}
}

// Harness is a family of commands on trial.
type Harness struct {
	T        testing.TB
	Host     *command.Host
	Commands []command.Command
	Events   []wire.Object
}

// New puts a family on trial.
func New(t testing.TB, family func(*command.Host) []command.Command) *Harness {
	host := NewHost()
	return &Harness{T: t, Host: host, Commands: family(host)}
}

// Send puts a body into the store, and gives its digest.
func (h *Harness) Send(content string) string {
	const piece = 1 << 20
	name := digest.Of([]byte(content)).String()
	for offset := 0; ; offset += piece {
		end := min(offset+piece, len(content))
		h.Host.Blobs.Take(&frames.Blob{Digest: name, Offset: int64(offset), Data: []byte(content[offset:end]), Last: end == len(content)})
		if end == len(content) {
			return name
		}
	}
}

// Run runs a command and gives its results.
func (h *Harness) Run(ctx context.Context, name string, items ...Object) ([]Object, error) {
	h.T.Helper()
	for _, c := range h.Commands {
		if c.Name != name {
			continue
		}
		call := &command.Call{Emit: func(_ string, data wire.Object) { h.Events = append(h.Events, data) }}
		for _, item := range items {
			call.Items = append(call.Items, toWire(item).(wire.Object))
		}
		values, err := c.Run(ctx, call)
		var results []Object
		for _, value := range values {
			results = append(results, fromWire(value).(Object))
		}
		return results, err
	}
	h.T.Fatalf("there is no command %s", name)
	return nil, nil
}

// OK runs a command with one item, which has to succeed.
func (h *Harness) OK(name string, item Object) Object {
	h.T.Helper()
	results, err := h.Run(context.Background(), name, item)
	if err != nil {
		h.T.Fatalf("%s %v: %v", name, item, err)
	}
	reply, ok := results[0]["ok"].(Object)
	if !ok {
		h.T.Fatalf("%s %v: %v", name, item, results[0]["error"])
	}
	return reply
}

// Fails runs a command with one item, which has to fail with a code, and gives the message.
func (h *Harness) Fails(code fault.Code, name string, item Object) string {
	h.T.Helper()
	results, err := h.Run(context.Background(), name, item)
	if err != nil {
		h.T.Fatalf("%s %v: %v", name, item, err)
	}
	failure, ok := results[0]["error"].(Object)
	if !ok || failure["code"] != string(code) {
		h.T.Fatalf("%s %v: got %v, want %s", name, item, results[0], code)
	}
	message := failure["message"].(string)
	if strings.Contains(message, temp.Prefix) {
		h.T.Fatalf("the message names a temporary file: %s", message)
	}
	return message
}

// Clean fails the test if there are temporary files below a directory.
func (h *Harness) Clean(directory string) {
	h.T.Helper()
	err := filepath.WalkDir(directory, func(path string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), temp.Prefix) {
			h.T.Errorf("%s was left behind", path)
		}
		return err
	})
	if err != nil {
		h.T.Error(err)
	}
}

func toWire(value any) any {
	switch value := value.(type) {
	case Object:
		object := wire.Object{}
		for key, member := range value {
			object = append(object, wire.F(key, toWire(member)))
		}
		return object
	case []string:
		array := wire.Array{}
		for _, element := range value {
			array = append(array, element)
		}
		return array
	case []Object:
		array := wire.Array{}
		for _, element := range value {
			array = append(array, toWire(element))
		}
		return array
	case int:
		return int64(value)
	}
	return value
}

func fromWire(value any) any {
	switch value := value.(type) {
	case wire.Object:
		object := Object{}
		for _, member := range value {
			object[member.Key] = fromWire(member.Value)
		}
		return object
	case wire.Array:
		array := []any{}
		for _, element := range value {
			array = append(array, fromWire(element))
		}
		return array
	case int:
		return int64(value)
	case wire.Raw:
		parsed, err := wire.Parse(value)
		if err != nil {
			panic(err)
		}
		return fromWire(parsed)
	}
	return value
}

// Disk is a directory on a file system of the kind that hosts have, and not in memory. It is removed with the test.
func Disk(t testing.TB) string {
	t.Helper()
	return disk.New(t)
}

// Image mounts a file system that a program makes in a file, and skips the test where there is no such program, or kernel.
func Image(t testing.TB, make string) string {
	t.Helper()
	file, directory := filepath.Join(t.TempDir(), "image"), t.TempDir()
	for _, argv := range [][]string{{"truncate", "-s", "256M", file}, {make, file}, {"mount", "-o", "loop", file, directory}} {
		if output, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v %s", argv[0], err, output)
		}
	}
	t.Cleanup(func() { _ = exec.Command("umount", directory).Run() })
	return directory
}

// Put writes a file.
func Put(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Content reads a file.
func Content(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// NeedRoot skips what only root can do.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
