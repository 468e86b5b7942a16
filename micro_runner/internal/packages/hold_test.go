package packages

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/confine"
)

const holds = "FROYO_TEST_HOLDS"

// The test binary is its own holder of a lock: a process is not told of locks that it holds itself. It confines, too, as the runner does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == confine.Mode {
		os.Exit(confine.Become(os.Args[2:]))
	}
	if path := os.Getenv(holds); path != "" {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			err = syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
		}
		fmt.Println("held", err)
		select {}
	}
	os.Exit(m.Run())
}

func hold(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(program)
	holder.Env = append(os.Environ(), holds+"="+path)
	said, err := holder.StdoutPipe()
	if err == nil {
		err = holder.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Process.Kill() })
	if line, _ := bufio.NewReader(said).ReadString('\n'); line != "held <nil>\n" {
		t.Fatal(line)
	}
	return holder
}
