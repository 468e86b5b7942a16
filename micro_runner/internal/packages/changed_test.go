package packages

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

func TestWhatNoPackageHasBroughtAsItIs(t *testing.T) {
	where := system(t)
	put := func(path, content string) {
		if err := os.MkdirAll(filepath.Dir(where.root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		harness.Put(t, where.root+path, content)
	}
	put("/var/lib/dpkg/info/jq.list", "/.\n/etc\n/etc/jq.conf\n/etc/jq.d\n/etc/jq.d/data\n")
	put("/etc/jq.conf", "changed\n")
	put("/etc/old.conf", "x\n")
	put("/etc/jq.d/data", "of the package, and no configuration file\n")
	put("/etc/jq.d/mine", "mine\n")
	put("/etc/jq.conf.dpkg-dist", "left by dpkg\n")
	put("/var/lib/ucf/hashfile", "d41d8cd98f00b204e9800998ecf8427e  /etc/kept\n00000000000000000000000000000000  /etc/grub\n")
	put("/var/lib/ucf/registry", "grub-common /etc/grub\n")
	put("/etc/kept", "")
	put("/var/lib/dpkg/info/base-files.list", "/usr/share/base-files/profile\n/usr/share/base-files/motd\n")
	put("/usr/share/base-files/profile", "umask 022\n")
	put("/usr/share/base-files/motd", "welcome\n")
	put("/etc/profile", "umask 022\n") // copied by a script of the package
	put("/etc/motd", "mine\n")
	put("/etc/grub", "quiet\n")
	if err := os.Symlink("/etc/jq.conf", where.root+"/etc/link"); err != nil {
		t.Fatal(err)
	}
	runner := at(t, where)
	got := runner.OK("pkg.changed", harness.Object{"path": "/etc"})
	want := map[string]any{
		"files": []any{
			map[string]any{"path": "/etc/grub", "package": "grub-common"},
			map[string]any{"path": "/etc/jq.conf", "package": "jq"},
			map[string]any{"path": "/etc/jq.d/mine"},
			map[string]any{"path": "/etc/motd"},
			map[string]any{"path": "/etc/old.conf", "package": "jq"},
		},
		"unread": []any{},
		"cut":    false,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	below := runner.OK("pkg.changed", harness.Object{"path": "/etc/jq.d"})["files"]
	if !reflect.DeepEqual(below, []any{map[string]any{"path": "/etc/jq.d/mine"}}) {
		t.Errorf("%v", below)
	}
	runner.Fails(fault.NotFound, "pkg.changed", harness.Object{"path": "/nowhere"})
	runner.Fails(fault.BadPath, "pkg.changed", harness.Object{"path": "etc"})
	at(t, places{t.TempDir()}).Fails(fault.NotSupported, "pkg.changed", harness.Object{"path": "/etc"})
}
