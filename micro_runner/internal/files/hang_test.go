package files

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/harness/fuse"
)

// A network file system without its server took all of a target with it: every look ended with the deadline of its command.
func TestAFileSystemThatDoesNotAnswerConcernsWhatIsOnItAlone(t *testing.T) {
	harness.NeedRoot(t)
	for name, hang := range map[string]func(*fuse.System){"at all": (*fuse.System).Hang, "with contents": (*fuse.System).Hold} {
		t.Run(name, func(t *testing.T) {
			system := fuse.Mount(t)
			h := harness.New(t, Commands)
			h.Host.Hung.Patience(200 * time.Millisecond)
			there := filepath.Join(system.Directory, "there")
			here := filepath.Join(t.TempDir(), "here")
			for _, path := range []string{there, here} {
				h.OK("file.write", object{"path": path, "blob": h.Send("content\n")})
			}
			h.Host.Digests.Forget()
			hang(system)
			for range 2 {
				results, err := h.Run(context.Background(), "file.stat", object{"path": there}, object{"path": here}, object{"path": there + ".2"})
				if err != nil {
					t.Fatal(err)
				}
				failure, _ := results[0]["error"].(object)
				if failure["code"] != "timeout" {
					t.Fatal(results[0])
				}
				if reply, _ := results[1]["ok"].(object); reply["type"] != "file" || reply["digest"] == nil {
					t.Fatal(results[1])
				}
			}
			if err := h.Host.Hung.Within(system.Directory); err == nil {
				t.Fatal("it is asked again and again")
			}
			answers := make(chan struct{}, 100)
			h.Host.Hung.Freed(func() { answers <- struct{}{} })
			system.Release()
			<-answers
			if reply := h.OK("file.stat", object{"path": there}); reply["size"] != int64(8) {
				t.Fatal(reply)
			}
		})
	}
}
