// Package disk gives tests a directory on a file system of the kind that hosts have.
package disk

import (
	"os"
	"testing"
)

// New makes a directory that is not in memory, unless $RUNNER_TEST_DISK names another place. It is removed with the test.
func New(t testing.TB) string {
	t.Helper()
	root := "/var/tmp"
	if named := os.Getenv("RUNNER_TEST_DISK"); named != "" {
		root = named
	}
	directory, err := os.MkdirTemp(root, "runner-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return directory
}
