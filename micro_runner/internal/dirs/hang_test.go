package dirs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/harness/fuse"
)

func TestADirectoryThatDoesNotAnswerConcernsItsOwnListingAlone(t *testing.T) {
	harness.NeedRoot(t)
	system := fuse.Mount(t)
	h := harness.New(t, Commands)
	h.Host.Hung.Patience(200 * time.Millisecond)
	here := t.TempDir()
	if err := os.WriteFile(filepath.Join(here, "entry"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(system.Directory, "file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func(item object) []object {
		results, err := h.Run(context.Background(), "dir.list", item, object{"path": here})
		if err != nil {
			t.Fatal(err)
		}
		if entries := results[1]["ok"].(object)["entries"].([]any); len(entries) != 1 {
			t.Fatal(results[1])
		}
		return results
	}
	system.Hold()
	first := list(object{"path": system.Directory, "contents": []string{"file"}})[0]
	reply, ok := first["ok"].(object)
	if !ok {
		t.Fatal(first)
	}
	if entry := reply["entries"].([]any)[0].(object); entry["name"] != "file" || entry["unread"] == nil {
		t.Fatal(entry)
	}
	answers := make(chan struct{}, 1)
	h.Host.Hung.Freed(func() { answers <- struct{}{} })
	system.Release()
	<-answers
	system.Hang()
	for range 2 {
		if failure, _ := list(object{"path": system.Directory})[0]["error"].(object); failure["code"] != "timeout" {
			t.Fatal(failure)
		}
	}
}
