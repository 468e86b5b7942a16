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

// A secret that goes to an application as 0600 could be read by the application's whole group until its mode had followed, and for as long
// as it took to look again where the runner was cut short in between.
func TestNobodyGetsForAMomentWhatTheyAreNotToHave(t *testing.T) {
	const other = daemon + 1
	for name, c := range map[string]struct{ had, uid, gid, mode, want int }{
		"the group":                  {0o640, daemon, daemon, 0o600, 0o600},
		"the group that stays":       {0o640, daemon, command.Keep, 0o600, 0o640},
		"the owner that stays":       {0o740, command.Keep, daemon, 0o600, 0o700},
		"others, who do not change":  {0o644, daemon, daemon, 0o600, 0o604},
		"what it is to be run as":    {0o6755, daemon, daemon, 0o755, 0o755},
		"as whom it is to be run":    {0o6755, daemon, daemon, 0o6755, 0o6755},
		"more than before":           {0o600, daemon, daemon, 0o660, 0o600},
		"no mode that anybody wants": {0o640, daemon, daemon, command.Keep, 0o640},
		"nobody who is another one":  {0o640, 0, 0, 0o600, 0o640},
	} {
		t.Run(name, func(t *testing.T) {
			stat := sys.Stat{Mode: syscall.S_IFREG | uint32(c.had)}
			if got := narrow(&stat, c.uid, c.gid, c.mode); got != uint32(c.want) {
				t.Errorf("%04o, want %04o", got, c.want)
			}
		})
	}
	path, fd, _ := listed(t, 0)
	if err := os.Chmod(path, 0o750); err != nil {
		t.Fatal(err)
	}
	stat, err := sys.Fstat(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(fd, &stat, daemon, other, 0o700); err != nil {
		t.Fatal(err)
	}
	if now, err := sys.Fstat(fd); err != nil || now.Mode&0o7777 != 0o700 || now.UID != daemon || now.GID != other {
		t.Errorf("%+v %v", now, err)
	}
}

func TestWhatCannotChangeHandsKeepsItsMode(t *testing.T) {
	path, fd, _ := listed(t, daemon)
	if err := errors.Join(syscall.Removexattr(path, acl.Access), syscall.Removexattr(path, acl.Default), os.Chmod(path, 0o750)); err != nil {
		t.Fatal(err)
	}
	stat, err := sys.Fstat(fd)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with this
		if err = syscall.Setfsuid(daemon); err == nil {
			err = Set(fd, &stat, 0, 0, 0o500)
		}
	}()
	<-done
	if now, failed := sys.Fstat(fd); !errors.Is(err, syscall.EPERM) || failed != nil || now.Mode&0o7777 != 0o750 {
		t.Errorf("%v %04o", err, now.Mode&0o7777)
	}
}
