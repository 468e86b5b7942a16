package archive

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"time"

	"froyo.dev/runner/internal/blob"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const (
	patience     = 10 * time.Minute
	maxRedirects = "5"
)

// fetch downloads a body, which counts only if it is the one with the digest. It is curl that does: a client of its own would make the
// runner larger by two fifths, and each session begins with sending it. What it is to do it reads from its standard input, so that nobody
// sees the URL, which may have a password in it, among the processes.
func fetch(ctx context.Context, host *command.Host, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	url, limit := a.Text("url"), a.Int("limit", 0, wire.MaxInteger)
	within := time.Duration(a.Int("timeout_ms", patience.Milliseconds(), 1<<31)) * time.Millisecond
	wanted, there := a.Digest("archive")
	if !there {
		a.Fail("archive", "left out")
	}
	secure := strings.HasPrefix(url, "https://")
	if !secure && !strings.HasPrefix(url, "http://") || strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		a.Fail("url", "not one of http or https")
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	if host.Blobs.Has(wanted.String()) {
		return wire.Object{wire.F("changed", false)}, nil
	}
	if why, _ := execute.Lacks("curl", "/", nil); why != nil {
		return nil, why
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	protocols := "=https"
	if !secure {
		protocols = "=http,https"
	}
	// A redirection never leads to what is less secure, and nothing of a ~/.curlrc counts.
	config := strings.NewReader(strings.Join([]string{
		"url = " + quote(url), "globoff", "silent", "show-error", "fail", "location", "max-redirs = " + maxRedirects,
		"proto = " + quote(protocols), "proto-redir = " + quote("=https"), "connect-timeout = 20", "output = " + quote("-"), "",
	}, "\n"))
	failed := func(said string) error {
		return fault.New(fault.ToolFailed, "the archive could not be downloaded: %s", said)
	}
	err := execute.Stream(ctx, []string{"curl", "--disable", "--config", "-"}, config, failed, func(output io.Reader) error {
		return host.Blobs.Receive(wanted.String(), output, limit)
	})
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fault.New(fault.Timeout, "the archive was not downloaded within %s", within)
	}
	return wire.Object{wire.F("changed", false)}, received(err, "what is at the URL")
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// take makes a file of the target a body: a copy, since whoever may write to it could change it while it is unpacked.
func take(ctx context.Context, host *command.Host, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	path, limit := a.Path(), a.Int("limit", 0, wire.MaxInteger)
	wanted, there := a.Digest("archive")
	if !there {
		a.Fail("archive", "left out")
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	if host.Blobs.Has(wanted.String()) {
		return wire.Object{wire.F("changed", false)}, nil
	}
	dir, name, err := walk.Parent(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := entry.OpenContent(dir, name)
	if err != nil {
		return nil, err
	}
	file := fd.File(name)
	defer file.Close()
	stat, err := sys.Fstat(fd)
	if err == nil && !stat.Is(syscall.S_IFREG) {
		err = fault.New(fault.WrongType, "%s is not a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	err = host.Blobs.Receive(wanted.String(), &limited{ctx, file, limit}, limit)
	return wire.Object{wire.F("changed", false)}, received(err, path)
}

// received says what is wrong with what came.
func received(err error, what string) error {
	var other *blob.OtherContent
	switch {
	case errors.As(err, &other):
		return bad("%s has the digest %s, which is not the declared one", what, digest.Sum(other.Sum))
	case errors.Is(err, blob.ErrTooLong):
		return bad("%s has more bytes than maximumSize allows", what)
	}
	return err
}
