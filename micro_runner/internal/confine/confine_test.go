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
	if Version() == 0 {
		t.Skip("the kernel has no Landlock")
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
	if Version() == 0 {
		t.Skip("the kernel has no Landlock")
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
	if Version() == 0 || os.Geteuid() != 0 {
		t.Skip("only as root")
	}
	if err := confined("test \"$(id -u) $(id -g)\" = '1 1'", &syscall.Credential{Uid: 1, Gid: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutLandlockNothingIsStarted(t *testing.T) {
	if err := restrict(0, ""); err != syscall.ENOSYS {
		t.Fatal(err)
	}
}
