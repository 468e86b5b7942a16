package files

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
)

func isSuffix(suffix string) bool {
	return suffix != "" && !strings.ContainsAny(suffix, "/\x00")
}

// save lets the old file live on under the backup's name. Where the file system can, it is the same inode: nothing is
// copied, nothing can get lost.
func (j *job) save(host *command.Host, old *entry.Entry) error {
	backup := j.name + j.backup
	there, err := sys.Statat(j.dir.fd, backup)
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return fault.New(fault.NameTooLong, "%s%s: the backup's name is too long, choose a shorter suffix", j.path, j.backup)
	}
	if err == nil && there.Same(&old.Stat) {
		return nil // and renaming one name of a file to another would do nothing
	}
	if err == nil && there.Is(syscall.S_IFDIR) {
		return fault.New(fault.IsDirectory, "%s%s is a directory", j.path, j.backup)
	}
	draft, err := host.Temps.Hardlink(j.dir.fd, j.name)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EMLINK) {
		draft, err = j.copyOld(host.Temps, old)
	} else if err == nil {
		if linked, err := draft.Stat(); err != nil || !linked.Same(&old.Stat) {
			draft.Close()
			return fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
		}
	}
	if err != nil {
		return err
	}
	defer draft.Close()
	return draft.Replace(backup)
}

// copyOld drafts a copy, where there can be no link: on FAT, or of another user's file.
func (j *job) copyOld(workshop *temp.Workshop, old *entry.Entry) (*temp.Draft, error) {
	fd, err := entry.OpenContent(j.dir.fd, j.name)
	if err != nil {
		return nil, err
	}
	file := fd.File(j.name)
	defer file.Close()
	// What came to this name meanwhile would get the owner of the old file, who might not be allowed to read it.
	if now, err := sys.Fstat(fd); err != nil || !now.Same(&old.Stat) {
		return nil, fault.New(fault.Conflict, "%s has changed meanwhile", j.path)
	}
	draft, err := workshop.Create(j.dir.fd)
	if err != nil {
		return nil, err
	}
	copied := job{
		wanted: wanted{path: j.path, mode: command.Keep, uid: command.Keep, gid: command.Keep},
		dir:    j.dir, name: j.name, before: *old, draft: draft,
	}
	// It is begun, so it is carried through.
	if err = fill(context.Background(), draft.FD, file, old.Stat.Size); err == nil {
		draft.Seal()
		err = copied.dress()
	}
	if err == nil {
		err = sys.Fsync(draft.FD)
	}
	if err != nil {
		draft.Close()
		return nil, err
	}
	return draft, nil
}
