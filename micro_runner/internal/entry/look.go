package entry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"time"
	"unicode/utf8"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

// maxTries is how often a file that changes under the eyes is read again before one gives up.
const maxTries = 8

// MaxText is the most bytes of content that a look takes along.
const MaxText = 1 << 20

// Wish is what one wants to know beyond what a stat tells.
type Wish struct {
	Digest  bool
	TextMax int64      // 0: no text
	Unless  digest.Sum // no text when the digest is this one
	Known   bool       // Unless counts
	Private bool       // the text also of a file that gives nothing to group and others
	Bytes   int64      // the content of a file of at most that many bytes, whatever is in it
}

// text says whether the wish is for the text of such a file.
func (w *Wish) text(mode uint32, size int64, sum digest.Sum) bool {
	readable := w.Private || mode&0o077 != 0
	return readable && size <= min(w.TextMax, MaxText) && w.TextMax > 0 && !(w.Known && w.Unless == sum)
}

// Glance is a look without reading any content. Complete is false when a content would have to be read for the wish.
func Glance(dir sys.FD, name string, wish Wish, memory *digest.Memory) (e Entry, complete bool, err error) {
	stat, err := sys.Statat(dir, name)
	if err == syscall.ENOENT || err == syscall.ENOTDIR {
		return Entry{Type: Absent}, true, nil
	}
	if err != nil {
		return Entry{}, true, err
	}
	e = Entry{Type: TypeOf(stat.Mode), Stat: stat, MountedOn: stat.MountRoot && name != "."}
	switch e.Type {
	case Symlink:
		e.To, err = sys.Readlinkat(dir, name)
		if err == syscall.EINVAL || err == syscall.ENOENT {
			return e, false, nil // it is something else by now
		}
		return e, true, err
	case File:
		if !wish.Digest {
			return e, true, nil
		}
		e.Digest, e.Digested = memory.Get(&stat)
		return e, e.Digested && wish.Bytes == 0 && !wish.text(stat.Mode, stat.Size, e.Digest), nil
	}
	return e, true, nil
}

// Look looks at a name in a directory, reading content where the wish needs it. The entry is of one instant: if the file
// changes while it is read, it is read again.
func Look(ctx context.Context, dir sys.FD, name string, wish Wish, memory *digest.Memory) (Entry, error) {
	for range maxTries {
		e, complete, err := Glance(dir, name, wish, memory)
		if err != nil || complete {
			return e, err
		}
		if e.Type != File {
			continue
		}
		read, err := content(ctx, dir, name, &e, wish, memory)
		if errors.Is(err, errMoved) {
			continue
		}
		return read, err
	}
	return Entry{}, fault.New(fault.Changing, "it kept changing while it was read, %d times in a row", maxTries)
}

// Patience is how long one content is read: what belongs to a user of the target, and is as large as they like, must not keep a look
// from all the rest.
var Patience = 10 * time.Second

var errSlow = errors.New("it takes too long")

func tooSlow(size int64) error {
	return fault.New(fault.Timeout, "its %d bytes cannot be read within %s, so nobody knows what is in it", size, Patience)
}

// commandPatience is how long one command reads contents: then it answers with what it has, long before nobody waits any more.
const commandPatience = 30 * time.Second

var errAll = errors.New("all of the time is used up")

// Together bounds the looks of one command, all together; it gives what makes the context of each.
func Together() func(context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(commandPatience)
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithDeadlineCause(ctx, end, errAll)
	}
}

// Unread is what a look that failed has to say: that of a command without any time left gives the reason.
func Unread(err error) error {
	if err == errAll {
		return fault.New(fault.Timeout, "it has not been read: others of the same look have taken all of its %s", commandPatience)
	}
	return err
}

var errMoved = errors.New("it changed while it was read")

// content reads the file that a glance has shown, or says errMoved when it is not that file, or not in that state, any more.
func content(ctx context.Context, dir sys.FD, name string, e *Entry, wish Wish, memory *digest.Memory) (Entry, error) {
	if memory.TakesTooLong(&e.Stat) {
		return *e, tooSlow(e.Stat.Size)
	}
	from := memory.Now()
	fd, err := OpenContent(dir, name)
	if err == syscall.ENOENT || err == syscall.ELOOP || err == syscall.ENXIO {
		return *e, errMoved
	}
	if err != nil {
		return *e, err
	}
	defer fd.Close()
	before, err := sys.Fstat(fd)
	if err != nil {
		return *e, err
	}
	if !before.Is(syscall.S_IFREG) {
		return *e, errMoved
	}
	read := Entry{Type: File, Stat: before, Digested: true, MountedOn: e.MountedOn}
	var text []byte
	var size int64
	most := max(min(wish.TextMax, MaxText), wish.Bytes)
	if before.Size <= most {
		whole := bytes.NewBuffer(make([]byte, 0, before.Size+bytes.MinRead))
		_, err = whole.ReadFrom(io.LimitReader(fd, max(most, MaxText)+1))
		text = whole.Bytes()
		size, read.Digest = int64(len(text)), digest.Of(text)
	} else if sum, ok := digest.Short(fd, before.Size); ok {
		size, read.Digest = before.Size, sum
	} else {
		limited, cancel := context.WithTimeoutCause(ctx, Patience, errSlow)
		read.Digest, size, err = digest.Read(limited, fd)
		cancel()
	}
	if err == errSlow {
		memory.TookTooLong(&before)
		return *e, tooSlow(before.Size)
	}
	if err != nil {
		return *e, err
	}
	after, err := sys.Fstat(fd)
	if err != nil {
		return *e, err
	}
	local, keeps := digest.Local(fd)
	if !after.Unmoved(&before) || after.Mode != before.Mode || local && size != before.Size {
		return *e, errMoved
	}
	if keeps && !sys.Written(fd) {
		memory.Put(&before, read.Digest, from)
	}
	read.Stat.Size = size // below /proc and /sys a stat does not tell it
	if wish.Bytes > 0 && size <= wish.Bytes {
		read.Content = text
	}
	if wish.text(after.Mode, size, read.Digest) && utf8.Valid(text) {
		read.Text, read.WithText = string(text), true
	}
	return read, nil
}

// OpenContent opens a regular file for reading, without following a link, waiting for the other end of a pipe, or moving the
// time of the last access where that can be avoided.
func OpenContent(dir sys.FD, name string) (sys.FD, error) {
	const flags = syscall.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY
	fd, err := sys.Openat(dir, name, flags|syscall.O_NOATIME, 0)
	if err == syscall.EPERM {
		fd, err = sys.Openat(dir, name, flags, 0)
	}
	return fd, err
}

// Blame tells what is behind an error about a name: EPERM may be due to its directory's attribute.
func Blame(err error, dir sys.FD, path string) error {
	if err == syscall.EPERM {
		if stat, failed := sys.Fstat(dir); failed == nil && stat.Immutable {
			return Fixed(path)
		}
	}
	return err
}
