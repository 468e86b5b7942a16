package files

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/harness"
)

var wishAll = entry.Wish{Digest: true}

func parse(text string) (digest.Sum, bool) { return digest.Parse(text) }

// joined puts the chunks of a read together.
func joined(t *testing.T, h *harness.Harness) string {
	var all []byte
	for _, event := range h.Events {
		text, _ := event.Get("data")
		data, err := base64.StdEncoding.DecodeString(text.(string))
		if err != nil {
			t.Fatal(err)
		}
		if encoding, _ := event.Get("encoding"); encoding == "gzip" {
			reader, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if data, err = io.ReadAll(reader); err != nil {
				t.Fatal(err)
			}
		}
		if offset, _ := event.Get("offset"); len(h.Events) > 1 && offset != int64(len(all)) {
			t.Fatalf("a chunk at %v, want %d", offset, len(all))
		}
		all = append(all, data...)
	}
	return string(all)
}

// immutableFile makes a file that only chattr can bring to change.
func immutableFile(t *testing.T, content string) string {
	t.Helper()
	harness.NeedRoot(t)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), content)
	chattr(t, "+i", path)
	return path
}

func chattr(t *testing.T, attribute, path string) {
	t.Helper()
	if output, err := exec.Command("chattr", attribute, path).CombinedOutput(); err != nil {
		t.Skipf("chattr: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("chattr", "-"+attribute[1:], path).Run() })
}

// mount mounts a file system in memory, with options.
func mount(t *testing.T, options string) string {
	t.Helper()
	harness.NeedRoot(t)
	directory := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory).CombinedOutput(); err != nil {
		t.Skipf("mount: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", directory).Run() })
	return directory
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	stat, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return stat.Mode()
}
