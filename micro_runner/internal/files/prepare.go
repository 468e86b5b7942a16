package files

import (
	"bytes"
	"context"
	"io"
	"os"
	"syscall"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/attr"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
)

const newMode = 0o644

// prepare looks at what is there, refuses what cannot be done, and drafts the new file where the content has to change.
func (j *job) prepare(ctx context.Context, host *command.Host) error {
	var err error
	// Owner and mode of a log, or of a whole tree, can be changed without reading all that is in it.
	wish := entry.Wish{Digest: j.hasBlob || j.expect != ""}
	if j.before, err = entry.Look(ctx, j.dir.fd, j.name, wish, host.Digests); err != nil {
		return err
	}
	if j.expect != "" && j.before.State() != j.expect {
		return fault.New(fault.Conflict, "%s is not as expected", j.path)
	}
	if !j.hasBlob || j.before.Type == entry.File && j.before.Digest == j.blob {
		return j.prepareInPlace()
	}
	if err := j.replaceable(&j.before); err != nil {
		return err
	}
	return j.write(ctx, host)
}

func (j *job) prepareInPlace() error {
	switch j.before.Type {
	case entry.File:
	case entry.Absent:
		return fault.New(fault.Conflict, "%s does not exist", j.path)
	case entry.Directory:
		return fault.New(fault.IsDirectory, "%s is a directory", j.path)
	default:
		return fault.New(fault.WrongType, "%s is not a regular file", j.path)
	}
	if j.before.Stat.Immutable && !j.asWanted() {
		return entry.Immutable(j.path)
	}
	return nil
}

// asWanted says whether owner and mode are what was asked for.
func (j *job) asWanted() bool {
	return (j.uid == command.Keep || j.uid == int(j.before.Stat.UID)) &&
		(j.gid == command.Keep || j.gid == int(j.before.Stat.GID)) &&
		(j.mode == command.Keep || j.mode == int(j.before.Stat.Mode&0o7777))
}

// replaceable refuses what cannot, or without `expect` may not, be replaced.
func (j *job) replaceable(there *entry.Entry) error {
	fixed := j.dir.stat.Immutable && !(j.dir.stat.AppendOnly && there.Type == entry.Absent && len(j.validate) == 0)
	return entry.Replaceable(there, j.path, j.expect != "", fixed)
}

// write drafts the new file: content, owner, attributes, mode, in this order, since a change of owner takes setuid bits away
// and an access control list holds the mode's group bits.
func (j *job) write(ctx context.Context, host *command.Host) error {
	from, size, done, err := j.body(host)
	if err != nil {
		return err
	}
	defer done()
	if j.size >= 0 && j.size != size {
		return fault.New(fault.BadRequest, "%s: the body has %d bytes, not %d", j.path, size, j.size)
	}
	if j.draft, err = host.Temps.Create(j.dir.fd); err != nil {
		return err
	}
	if err := fill(ctx, j.draft.FD, from, size); err != nil {
		return err
	}
	j.draft.Seal()
	if err := j.dress(); err != nil {
		return err
	}
	stat, err := j.draft.Stat()
	if err != nil {
		return err
	}
	j.after = entry.Entry{Type: entry.File, Stat: stat, Digest: j.blob, Digested: true}
	return j.check(ctx)
}

// body is what is to be in the file; done ends its use.
func (j *job) body(host *command.Host) (from io.ReaderAt, size int64, done func(), err error) {
	if j.content != nil {
		return bytes.NewReader(j.content), int64(len(j.content)), func() {}, nil
	}
	body, err := host.Blobs.Open(j.blob.String())
	if err != nil {
		return nil, 0, nil, err
	}
	return body.At(), body.Size, func() { host.Blobs.Close(body) }, nil
}

// dress gives the draft the looks of the file that it replaces, and what was asked for.
func (j *job) dress() error {
	uid, gid, mode := j.uid, j.gid, j.mode
	if mode == command.Keep {
		mode = newMode
	}
	if j.before.Type == entry.File {
		old := &j.before.Stat
		uid, gid = keep(uid, int(old.UID)), keep(gid, int(old.GID))
		if j.mode == command.Keep {
			mode = int(old.Mode & 0o7777)
			if uid != int(old.UID) || gid != int(old.GID) {
				mode &^= syscall.S_ISUID | syscall.S_ISGID // as chown does
			}
		}
	}
	if err := j.draft.Give(uid, gid); err != nil {
		return err
	}
	if !acl.MayInherit(&j.dir.stat, keep(uid, os.Geteuid())) {
		if err := acl.Remove(j.draft.FD); err != nil {
			return err
		}
	}
	if j.before.Type == entry.File {
		old, err := j.old()
		if err != nil {
			return err
		}
		defer old.Close()
		withList := j.keepsList(uid, gid)
		if j.mode == command.Keep && !withList {
			if mode, err = acl.Mode(old, mode); err != nil {
				return err
			}
		}
		if err := carryAttributes(old, j.draft.FD, withList); err != nil {
			return err
		}
	}
	err := attr.Mode(j.draft.FD, mode)
	if err == syscall.EPERM && j.mode == command.Keep && j.before.Type != entry.File {
		return nil // nobody has asked for the mode that new files get, and this file system has modes of its own
	}
	return err
}

func keep(wanted, old int) int {
	if wanted == command.Keep {
		return old
	}
	return wanted
}
