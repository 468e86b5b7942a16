package account

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A manager is waited for until it has ended with all that it runs; where a login runs anything, nothing is waited for.
func TestWhoLingersNoLongerIsGivenTimeToLeave(t *testing.T) {
	before := processes
	processes = t.TempDir()
	defer func() { processes = before }()
	me := uint32(os.Getuid())
	put := func(pid, group string) string {
		directory := filepath.Join(processes, pid)
		if err := os.Mkdir(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, "cgroup"), []byte(group), 0o600); err != nil {
			t.Fatal(err)
		}
		return directory
	}
	own := "/user.slice/user-" + decimal(me) + ".slice"
	manager := put("11", "0::"+own+"/user@"+decimal(me)+".service/init.scope\n")
	login := put("12", "1:name=systemd:"+own+"/session-4.scope\n0::/\n")
	put("self", "")
	leave(context.Background(), me)
	if err := os.RemoveAll(login); err != nil {
		t.Fatal(err)
	}
	if !managed(me) {
		t.Fatal("it has ended already")
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		_ = os.RemoveAll(manager)
	}()
	leave(context.Background(), me)
	if managed(me) {
		t.Fatal("it was not waited for")
	}
}
