package confine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) >= 7 && os.Args[1] == Mode {
		if how := os.Getenv(withoutLandlock); how != "" {
			Version = func() int { return 0 }
			if how == "one by one" {
				attempts = attempts[1:]
			}
		}
		os.Exit(Become(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func confined(script string, credential *syscall.Credential) error {
	return confinedBut("", script, credential)
}

func confinedBut(scratch, script string, credential *syscall.Credential) error {
	command := exec.Command("/bin/sh", "-c", script)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	became, err := Command(command, "/bin/sh", scratch)
	if err != nil {
		return err
	}
	return errors.Join(command.Start(), became(), command.Wait())
}

func TestWhatIsConfinedReadsAndChangesNothing(t *testing.T) {
	if !Available() {
		t.Skip("no Landlock, and not root")
	}
	directory := t.TempDir()
	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := confined("test \"$(cat "+file+")\" = content && echo x >/dev/null", nil); err != nil {
		t.Fatalf("it cannot look: %v", err)
	}
	for _, script := range []string{
		"echo x >" + file, "echo x >" + directory + "/new", "rm " + file, "mkdir " + directory + "/new", "mv " + file + " " + file + "2",
		"ln -s a " + directory + "/link",
	} {
		if confined(script, nil) == nil {
			t.Errorf("done: %s", script)
		}
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "content" {
		t.Fatalf("%q %v", content, err)
	}
}

func TestWhatIsConfinedMayChangeItsScratchDirectoryAndNothingThatALinkInItNames(t *testing.T) {
	if !Available() {
		t.Skip("no Landlock, and not root")
	}
	scratch, other := t.TempDir(), t.TempDir()
	if err := errors.Join(os.WriteFile(other+"/file", []byte("content"), 0o644), os.Symlink(other, scratch+"/link")); err != nil {
		t.Fatal(err)
	}
	if err := confinedBut(scratch, "cd "+scratch+" && echo x >a && mv a b && mkdir c && mv b c && cat link/file && rm -r c && echo y >d", nil); err != nil {
		t.Fatalf("it cannot work there: %v", err)
	}
	for _, script := range []string{"echo x >" + scratch + "/link/file", "rm " + scratch + "/link/file", "echo x >" + other + "/new"} {
		if confinedBut(scratch, script, nil) == nil {
			t.Errorf("done: %s", script)
		}
	}
	if content, err := os.ReadFile(scratch + "/d"); err != nil || string(content) != "y\n" {
		t.Fatalf("%q %v", content, err)
	}
}

func TestWhatIsConfinedMayBeSomebodyElse(t *testing.T) {
	if !Available() || os.Geteuid() != 0 {
		t.Skip("only as root")
	}
	if err := confined("test \"$(id -u) $(id -g)\" = '1 1'", &syscall.Credential{Uid: 1, Gid: 1}); err != nil {
		t.Fatal(err)
	}
}

// withoutLandlock has what is started in a test confined by mounts alone: at once, or one by one as on older kernels.
const withoutLandlock = "CONFINE_BY_MOUNTS"

func TestWithoutLandlockMountsDoIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only as root")
	}
	for _, how := range []string{"at once", "one by one"} {
		t.Run(how, func(t *testing.T) {
			t.Setenv(withoutLandlock, how)
			if tried() != nil {
				t.Skip("a container that may have no mounts of its own")
			}
			directory := t.TempDir()
			file := filepath.Join(directory, "file")
			if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, script := range []string{
				"test \"$(cat " + file + ")\" = content && echo x >/dev/null && head -c 1 /dev/urandom >/dev/null", "id | cat", "kill -0 $$",
			} {
				if err := confined(script, nil); err != nil {
					t.Errorf("it cannot look: %s: %v", script, err)
				}
			}
			for _, script := range []string{
				"echo x >" + file, "echo x >" + directory + "/new", "rm " + file, "mkdir " + directory + "/new", "mv " + file + " " + file + "2",
				"ln -s a " + directory + "/link", "chmod 600 " + file, "touch " + file, "chown 1 " + file,
				"mount -o remount,bind,rw / && echo x >" + file, "mount -t tmpfs none " + directory, "umount -l /proc",
				"mknod " + directory + "/disk b 8 0", "echo x >/proc/1/root" + file, "echo x >/proc/$PPID/root" + file, "nsenter -t 1 -m true",
				"unshare -Urm mount -o remount,bind,rw / && echo x >" + file, "echo 0 >/proc/sys/kernel/printk", "echo x >/dev/kmsg",
			} {
				if confined("("+script+") 2>/dev/null", nil) == nil {
					t.Errorf("done: %s", script)
				}
			}
			if content, err := os.ReadFile(file); err != nil || string(content) != "content" {
				t.Fatalf("%q %v", content, err)
			}
			if err := confinedBut(directory, "cd "+directory+" && echo x >a && mv a b", &syscall.Credential{}); err != nil {
				t.Errorf("it cannot work in its own directory: %v", err)
			}
			if err := confined("test $(id -u) = 1 && ! touch /tmp/of-another-user 2>/dev/null", &syscall.Credential{Uid: 1, Gid: 1}); err != nil {
				t.Errorf("not as another user: %v", err)
			}
		})
	}
}

func TestWhatHasAnotherMountOnTopCannotBeReached(t *testing.T) {
	found := parsed("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n31 22 0:26 / /a\\040b rw - autofs x rw\n32 31 0:27 / /a\\040b ro,nodev - tmpfs y rw\nshort\n")
	if len(found) != 2 || found[0].place != "/" || found[1].place != "/a b" || found[1].id != "32" || found[1].options[1] != "nodev" {
		t.Fatalf("%v", found)
	}
	if plain(`/x\9`) != `/x\9` || plain(`/x\999`) != `/x\999` {
		t.Fatal("what is no number")
	}
}
