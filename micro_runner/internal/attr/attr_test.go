package attr

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/acl"
	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/sys"
)

const daemon = 1

// listed makes a directory of somebody's, with both lists.
func listed(t *testing.T, owner int) (string, sys.FD, sys.Stat) {
	t.Helper()
	harness.NeedRoot(t)
	base := harness.Disk(t)
	path := filepath.Join(base, "directory")
	for _, err := range []error{os.Chmod(base, 0o755), os.Mkdir(path, 0o700), os.Chown(path, owner, owner)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{acl.Access, acl.Default} {
		harness.SetAttribute(t, path, name, harness.List(7, 7, 0, 7, 0))
	}
	fd, err := sys.Openat(sys.AtFdCwd, path, sys.OPath, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fd.Close)
	stat, err := sys.Fstat(fd)
	if err != nil {
		t.Fatal(err)
	}
	return path, fd, stat
}

func lists(path string) string {
	return harness.Attribute(path, acl.Access) + harness.Attribute(path, acl.Default)
}

// An owner who is right already is never looked at again: whatever cuts the change short must come upon a file without lists.
func TestListsAreGoneBeforeTheOwnerIsRight(t *testing.T) {
	path, fd, stat := listed(t, daemon)
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with this
		if err = syscall.Setfsuid(daemon); err == nil {
			err = Set(fd, &stat, 0, command.Keep, 0o750) // which the owner himself may not do
		}
	}()
	<-done
	if !errors.Is(err, syscall.EPERM) {
		t.Fatal(err)
	}
	if lists(path) != "" {
		t.Fatalf("%q", lists(path))
	}
}

// While a directory has no name but one that others may give to something else, it can be theirs.
func TestBeginDoesNotTakeOverTheListsOfAnotherDirectory(t *testing.T) {
	for _, uid := range []int{command.Keep, 0} {
		path, fd, stat := listed(t, daemon)
		if err := Begin(fd, &stat, &sys.Stat{}, uid, command.Keep, 0o750); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o750 || lists(path) != "" {
			t.Fatalf("%v %q", info.Mode(), lists(path))
		}
	}
}
