package files

import (
	"context"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
)

// Replacement is a content that takes the place of what a file has, made here and not sent.
type Replacement struct {
	Path      string
	Content   []byte
	Expect    string // see `expect` of file.write
	Mode      int    // of a new file; command.Keep: that of any
	Validate  []string
	Sensitive bool
}

// Replace is file.write with a content that is at hand.
func Replace(ctx context.Context, host *command.Host, r Replacement) error {
	j := newJob()
	j.wanted = wanted{
		path: r.Path, blob: digest.Of(r.Content), hasBlob: true, content: r.Content, size: -1, mode: r.Mode,
		uid: command.Keep, gid: command.Keep, expect: r.Expect, validate: r.Validate, sensitive: r.Sensitive,
	}
	if err := carryOut(ctx, host, []*job{j}); err != nil {
		return err
	}
	return j.err
}
