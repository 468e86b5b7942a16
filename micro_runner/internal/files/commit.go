package files

import (
	"context"
	"errors"
	"syscall"

	"froyo.dev/runner/internal/attr"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/durable"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

// commit puts the new file in its place, or changes the old one in place, if the world is still as expected.
func (j *job) commit(host *command.Host, directories *durable.Directories) error {
	done := host.Own.Begin(j.path)
	defer func() { done(j.dir.fd, j.name) }()
	if j.draft == nil {
		return j.commitInPlace()
	}
	if err := j.install(host); err != nil {
		return err
	}
	j.changed = true
	if j.dir.listing < 0 {
		listing, err := directories.Add(j.dir.fd)
		if err != nil {
			return err
		}
		j.dir.listing = listing
	}
	j.listing = j.dir.listing
	return nil
}

// install is the compare-and-swap. Where nothing is expected, the kernel does both at once; otherwise the swap follows the
// comparison directly.
func (j *job) install(host *command.Host) error {
	if j.before.Type == entry.Absent {
		err := j.draft.Add(j.name)
		if !errors.Is(err, syscall.EEXIST) {
			return err
		}
		if j.expect != "" {
			return fault.New(fault.Conflict, "%s has come into being meanwhile", j.path)
		}
	}
	there, err := entry.Look(context.Background(), j.dir.fd, j.name, entry.Wish{Digest: j.expect != ""}, host.Digests)
	if err != nil {
		return err
	}
	if j.expect != "" && there.State() != j.expect {
		return fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
	}
	if err := j.replaceable(&there); err != nil {
		return err
	}
	if j.backup != "" && there.Type == entry.File {
		if err := j.save(host, &there); err != nil {
			return err
		}
	}
	err = j.draft.Replace(j.name)
	if errors.Is(err, syscall.EBUSY) {
		return fault.New(fault.MountPoint, "%s is in use by the kernel, as a mount point is, and cannot be replaced", j.path)
	}
	return err
}

func (j *job) commitInPlace() error {
	j.after = j.before
	if j.asWanted() {
		return nil
	}
	fd, err := sys.Openat(j.dir.fd, j.name, sys.OPath|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer fd.Close()
	now, err := sys.Fstat(fd)
	if err != nil {
		return err
	}
	if !now.Unmoved(&j.before.Stat) {
		return fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
	}
	if err := attr.Set(fd, &now, j.uid, j.gid, j.mode); err != nil {
		return err
	}
	j.changed = true
	if j.after.Stat, err = sys.Fstat(fd); err != nil {
		return err
	}
	if j.touched, err = entry.OpenContent(j.dir.fd, j.name); err == syscall.EACCES {
		j.touched, err = -1, nil // its owner may change it without being able to read it, and then not sync it either
	}
	return err
}
