package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/wire"
)

// BenchmarkStatWarm is a look at a thousand files whose digests are remembered, with its reply in canonical form.
func BenchmarkStatWarm(b *testing.B) {
	directory := b.TempDir()
	call := &command.Call{}
	for i := range 1000 {
		path := filepath.Join(directory, fmt.Sprintf("file-%04d", i))
		if err := os.WriteFile(path, []byte(path), 0o644); err != nil {
			b.Fatal(err)
		}
		call.Items = append(call.Items, wire.Object{wire.F("path", path)})
	}
	time.Sleep(50 * time.Millisecond) // past git's racy time
	host := harness.NewHost()
	var reply []byte
	known := newReplies()
	for b.Loop() {
		results, err := stat(context.Background(), host, known, call)
		if err != nil {
			b.Fatal(err)
		}
		reply = wire.Append(reply[:0], results)
	}
}
