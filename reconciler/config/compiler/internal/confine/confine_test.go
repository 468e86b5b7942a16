package confine

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A process of its own: what is given up is given up for good.
func TestAProcessThatIsConfinedSeesNoFileAndReachesNothing(t *testing.T) {
	if os.Getenv("CONFINED") == "" {
		command := exec.Command(os.Args[0], "-test.run", t.Name(), "-test.v")
		command.Env = append(os.Environ(), "CONFINED=1")
		if said, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		return
	}
	if err := Process(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Open("/etc/passwd"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if _, err := os.Stat("/etc"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if err := os.WriteFile("/tmp/confined", nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("write: %v", err)
	}
	if err := os.Mkdir("/tmp/confined", 0o700); !errors.Is(err, syscall.EPERM) {
		t.Errorf("mkdir: %v", err)
	}
	if _, err := net.Dial("tcp", "127.0.0.1:1"); !errors.Is(err, syscall.EPERM) {
		t.Errorf("dial: %v", err)
	}
	if err := syscall.Exec("/proc/self/exe", nil, nil); !errors.Is(err, syscall.EPERM) {
		t.Errorf("exec: %v", err)
	}
	// Threads that were there before, and those that come.
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := os.Open("/etc/passwd")
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; !errors.Is(err, os.ErrNotExist) {
			t.Errorf("open in a thread: %v", err)
		}
	}
}

func TestEachArchitectureHasItsProgramWithinTheJumpsThatThereAre(t *testing.T) {
	for name, architecture := range architectures {
		filter := program(architecture)
		if len(filter) < len(looking)+len(refused) {
			t.Errorf("%s: %d instructions", name, len(filter))
		}
		for i, one := range filter {
			if i+1+int(max(one.Jt, one.Jf)) > len(filter) {
				t.Errorf("%s: instruction %d jumps out", name, i)
			}
		}
	}
}
