package owner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"froyo.dev/runner/internal/fault"
)

// databases makes a pair of files and a `getent` that knows one more of each.
func databases(t *testing.T) (*Names, string) {
	t.Helper()
	directory := t.TempDir()
	put := func(name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\ntoor:x:0:0::/:/bin/sh\n+nis:x:7:7\nbroken\nbroken:x:y:0\n42:x:4242:0\n", 0o644)
	put("group", "root:x:0:\nstaff:x:50:alice\n", 0o644)
	put("getent", "#!/bin/sh\necho \"$@\" >>"+directory+"/asked\ncase \"$*\" in 'passwd ldap'|'passwd 9000') echo ldap:x:9000:9000:::;; 'group 9001'|'group lg') echo lg:x:9001:;; *) exit 2;; esac\n", 0o755)
	t.Setenv("PATH", directory+":"+os.Getenv("PATH"))
	n := NewNames()
	n.users.path, n.groups.path = filepath.Join(directory, "passwd"), filepath.Join(directory, "group")
	return n, directory
}

func TestNamesToNumbersAndBack(t *testing.T) {
	n, _ := databases(t)
	for id, want := range map[uint32]string{0: "root", 1000: "alice", 9000: "ldap", 77: "77"} {
		if got := n.User(id); got != want {
			t.Errorf("user %d is %s", id, got)
		}
	}
	for id, want := range map[uint32]string{50: "staff", 9001: "lg", 78: "78"} {
		if got := n.Group(id); got != want {
			t.Errorf("group %d is %s", id, got)
		}
	}
	for name, want := range map[string]uint32{"root": 0, "toor": 0, "alice": 1000, "ldap": 9000, "77": 77, "42": 4242} {
		if got, err := n.UID(name); got != want || err != nil {
			t.Errorf("%s is %d, %v", name, got, err)
		}
	}
	if gid, err := n.GID("lg"); gid != 9001 || err != nil {
		t.Error(gid, err)
	}
	for _, name := range []string{"bob", "+nis", "-x", "broken", "4294967295", "99999999999"} {
		_, err := n.UID(name)
		var failure *fault.Fault
		if !errors.As(err, &failure) || failure.Code != fault.UnknownOwner {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGetentIsAskedOnce(t *testing.T) {
	n, directory := databases(t)
	for range 5 {
		n.User(9000)
		n.User(77)
	}
	asked, err := os.ReadFile(filepath.Join(directory, "asked"))
	if err != nil || string(asked) != "passwd 9000\npasswd 77\n" {
		t.Fatalf("%q %v", asked, err)
	}
}

func TestAChangedDatabaseIsReadAgain(t *testing.T) {
	n, directory := databases(t)
	if got := n.User(1000); got != "alice" {
		t.Fatal(got)
	}
	n.Refresh()
	if err := os.WriteFile(filepath.Join(directory, "new"), []byte("bob:x:1000:1000::/:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(directory, "new"), n.users.path); err != nil {
		t.Fatal(err)
	}
	n.Refresh()
	if got := n.User(1000); got != "bob" {
		t.Fatal(got)
	}
	if err := os.Remove(n.users.path); err != nil {
		t.Fatal(err)
	}
	n.Refresh()
	if got := n.User(1000); got != "1000" {
		t.Fatal(got)
	}
}

func TestASlowDirectoryIsNotWaitedForForever(t *testing.T) {
	n, directory := databases(t)
	if err := os.WriteFile(filepath.Join(directory, "getent"), []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := n.User(9000); got != "9000" {
		t.Fatal(got)
	}
}
