package obstacle_test

import (
	"os"
	"path/filepath"
	"testing"

	"froyo.dev/runner/internal/harness"
)

// A plan said "content", and nothing of the second name at which a daemon went on reading the old one; or "owner", and nothing of the
// capability without which a server could not open its port any more.
func TestWhatAFileLosesOnTheWayIsSaidBefore(t *testing.T) {
	harness.NeedRoot(t)
	h := harness.New(t, family)
	directory := harness.Disk(t)
	path := harness.Put(t, filepath.Join(directory, "server"), "old")
	must(t, os.Chmod(path, 0o755))
	fresh, same := h.Send("new"), h.Send("old")
	loses := func(wanted harness.Object) string {
		t.Helper()
		said := ""
		lost, _ := h.OK("file.stat", harness.Object{"path": path, "wanted": wanted})["loses"].([]any)
		for _, one := range lost {
			said += one.(string) + " "
		}
		return said
	}
	content := harness.Object{"type": "file", "digest": fresh}
	owner := harness.Object{"type": "file", "digest": same, "uid": 1}
	mode := harness.Object{"type": "file", "digest": same, "mode": "0700"}
	nothing := harness.Object{"type": "file", "digest": same, "mode": "0755"}
	if said := loses(content) + loses(owner); said != "" {
		t.Errorf("an ordinary file: %q", said)
	}
	must(t, os.Link(path, filepath.Join(directory, "other")))
	harness.SetAttribute(t, path, "security.capability", []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	for name, c := range map[string]struct {
		wanted harness.Object
		want   string
	}{
		"content": {content, "names capabilities "}, "owner": {owner, "capabilities "}, "mode": {mode, ""}, "nothing": {nothing, ""},
		"it is to go": {harness.Object{"type": "absent"}, ""}, "a link": {harness.Object{"type": "symlink", "to": "x"}, ""},
	} {
		if said := loses(c.wanted); said != c.want {
			t.Errorf("%s: %q, want %q", name, said, c.want)
		}
	}
}
