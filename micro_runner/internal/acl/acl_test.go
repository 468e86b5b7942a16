package acl

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/harness/disk"
	"froyo.dev/runner/internal/sys"
)

// entries are a list; each is a tag, permissions and of whom.
func entries(all ...[3]byte) []byte {
	list := []byte{2, 0, 0, 0}
	for _, entry := range all {
		list = append(list, entry[0], 0, entry[1], 0, entry[2], 0, 0, 0)
	}
	return list
}

func TestStripLeavesTheGroupWhatItHad(t *testing.T) {
	for name, c := range map[string]struct{ list, want []byte }{
		"the mask is narrower": {
			entries([3]byte{tagOwner, 7}, [3]byte{2, 7, 5}, [3]byte{tagGroup, 6}, [3]byte{tagMask, 5}, [3]byte{tagOther, 1}),
			entries([3]byte{tagOwner, 7}, [3]byte{tagGroup, 4}, [3]byte{tagOther, 1}),
		},
		"the mask is wider": {
			entries([3]byte{tagOwner, 6}, [3]byte{tagGroup, 0}, [3]byte{8, 6, 9}, [3]byte{tagMask, 7}, [3]byte{tagOther, 0}),
			entries([3]byte{tagOwner, 6}, [3]byte{tagGroup, 0}, [3]byte{tagOther, 0}),
		},
		"without a mask": {
			entries([3]byte{tagOwner, 6}, [3]byte{tagGroup, 4}, [3]byte{tagOther, 0}),
			entries([3]byte{tagOwner, 6}, [3]byte{tagGroup, 4}, [3]byte{tagOther, 0}),
		},
	} {
		before := string(c.list)
		if got, err := strip(c.list); err != nil || string(got) != string(c.want) || string(c.list) != before {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for _, broken := range [][]byte{{}, {2, 0, 0, 0}, entries([3]byte{tagOwner, 7})[:9], entries([3]byte{tagOwner, 7}, [3]byte{tagOther, 7})} {
		if _, err := strip(broken); !errors.Is(err, syscall.EINVAL) {
			t.Error(broken, err)
		}
	}
}

func TestRemoveGivesTheModeThatModeTells(t *testing.T) {
	path := filepath.Join(disk.New(t), "directory")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := sys.Openat(sys.AtFdCwd, path, sys.OPath, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	list := entries([3]byte{tagOwner, 7}, [3]byte{tagGroup, 1}, [3]byte{8, 7, 9}, [3]byte{tagMask, 7}, [3]byte{tagOther, 4})
	for _, name := range []string{Access, Default} {
		if err := syscall.Setxattr(path, name, list, 0); err != nil {
			t.Skip(err)
		}
	}
	if mode, err := Mode(fd, 0o1774); err != nil || mode != 0o1714 {
		t.Fatalf("%o %v", mode, err)
	}
	for range 2 {
		if err := Remove(fd); err != nil {
			t.Fatal(err)
		}
		if stat, err := sys.Fstat(fd); err != nil || stat.Mode&0o7777 != 0o714 {
			t.Fatalf("%o %v", stat.Mode, err)
		}
		for _, name := range []string{Access, Default} {
			if value, err := read(fd, name); err != nil || value != nil {
				t.Fatal(name, value, err)
			}
		}
	}
	if mode, err := Mode(fd, 0o1774); err != nil || mode != 0o1774 {
		t.Fatalf("%o %v", mode, err)
	}
}
