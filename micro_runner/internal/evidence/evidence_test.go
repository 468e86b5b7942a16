package evidence

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/owner"
	"froyo.dev/runner/internal/wire"
)

func TestUnit(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for cgroup, want := range map[string]string{
		"":                              "",
		"0::/":                          "",
		"0::/init.scope":                "init.scope",
		"0::/system.slice/cron.service": "cron.service",
		"0::/user.slice/user-0.slice/session-3.scope":                          "session-3.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service": "x.service",
		"0::/system.slice/docker-" + id + ".scope":                             "docker 0123456789ab",
		"0::/docker/" + id: "docker 0123456789ab",
		"0::/machine.slice/libpod-" + id + ".scope/container":                          "libpod 0123456789ab",
		"0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope": "cri-containerd 0123456789ab",
		"0::/kubepods/besteffort/pod1/" + id:                                           "pod container 0123456789ab",
		"0::/lxc/web/init.scope":                                                       "lxc web",
		"0::/machine.slice/machine-h1.scope/payload":                                   "machine h1",
		"12:cpu:/x\n1:name=systemd:/system.slice/ssh.service\n0::/other.service":       "ssh.service",
		"0::/system.slice/ssh.service\n1:name=systemd:/system.slice/a.service":         "a.service",
		"garbage\n0::/system.slice/dbus.socket":                                        "dbus.socket",
	} {
		if got := unit(cgroup); got != want {
			t.Errorf("%q: got %q, want %q", cgroup, got, want)
		}
	}
}

func TestSSHClient(t *testing.T) {
	for environment, want := range map[string]string{
		"":                    "",
		"A=1\x00B=2":          "",
		"SSH_CONNECTION=":     "",
		"XSSH_CONNECTION=1 2": "",
		"A=1\x00SSH_CONNECTION=10.0.0.9 55 10.0.0.1 22\x00": "ssh from 10.0.0.9",
		"SSH_CONNECTION=fe80::1%eth0 55 fe80::2 22":         "ssh from fe80::1%eth0",
		"SSH_CONNECTION=" + strings.Repeat("x", 1000):       "",
	} {
		if got := sshClient(environment); got != want {
			t.Errorf("%q: got %q", environment, got)
		}
	}
}

func TestCommand(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                    "",
		"vim\x00/etc/motd\x00":                "vim /etc/motd",
		"sh\x00-c\x00echo a\nb\tc\x00\x00":    "sh -c echo a b c",
		"\x1b[31mred\xff":                     "\ufffd[31mred\ufffd",
		strings.Repeat("x", 2000):             strings.Repeat("x", 512) + "…",
		"sshd: alice@pts/0\x00\x00\x00\x00":   "sshd: alice@pts/0",
		strings.Repeat("é", 300) + "\x00rest": strings.Repeat("é", 256) + "…",
	} {
		if got := command(raw); got != want {
			t.Errorf("%.40q: got %q", raw, got)
		}
	}
}

func TestLookupOfALivingProcess(t *testing.T) {
	child := exec.Command("sleep", "1000")
	child.Env = []string{"SSH_CONNECTION=10.1.2.3 1 10.0.0.1 22"}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	begun(child)
	names := owner.NewNames()
	e := lookup("/proc", child.Process.Pid, names)
	me := names.User(uint32(os.Geteuid()))
	if e.Command != "sleep 1000" || e.User != me || e.Ended || len(e.Parents) == 0 || !strings.HasPrefix(e.Parents[0], "evidence") {
		t.Errorf("%+v", e)
	}
	_ = child.Process.Kill()
	for { // it is dead, and nobody has asked for its status yet
		if status := parseStatus(read("/proc/" + itoa(child.Process.Pid) + "/status")); strings.HasPrefix(status.state, "Z") {
			break
		}
	}
	if e := lookup("/proc", child.Process.Pid, names); e.Command != "sleep" || !e.Ended || e.User != me {
		t.Errorf("%+v", e)
	}
	_ = child.Wait()
	if e := lookup("/proc", child.Process.Pid, names); e.Command != "" || !e.Ended || e.PID != child.Process.Pid {
		t.Errorf("%+v", e)
	}
}

func TestASessionIsOnlyBelievedWhereRootAloneHasHadASay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	names := owner.NewNames()
	for _, c := range []struct {
		uid  uint32
		want string
	}{{0, "ssh from 10.1.2.3"}, {12345, "claims ssh from 10.1.2.3"}} {
		child := exec.Command("/bin/sleep", "1000")
		child.Env = []string{"SSH_CONNECTION=10.1.2.3 1 10.0.0.1 22"}
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid}}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		begun(child)
		e := lookup("/proc", child.Process.Pid, names)
		_ = child.Process.Kill()
		_ = child.Wait()
		if e.Session != c.want {
			t.Errorf("uid %d: %+v", c.uid, e)
		}
	}
	var above Evidence // a root process that somebody else has started
	shell := exec.Command("/bin/sleep", "1000")
	shell.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345}}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	_, trusted := above.ancestors("/proc", itoa(shell.Process.Pid), "ssh from 10.0.0.9", names)
	_ = shell.Process.Kill()
	_ = shell.Wait()
	if trusted {
		t.Error("the environment that somebody else has made is believed")
	}
}

func TestTheProgramThatSomebodyRanIsNamed(t *testing.T) {
	root := t.TempDir()
	process := func(pid, parent, name, uid string, arguments ...string) {
		directory := root + "/" + pid
		if err := os.Mkdir(directory, 0o700); err != nil {
			t.Fatal(err)
		}
		uids := strings.Repeat("\t"+uid, 4)
		status := "Name:\t" + name + "\nState:\tS\nPPid:\t" + parent + "\nUid:" + uids + "\n"
		for file, content := range map[string]string{"status": status, "cmdline": strings.Join(arguments, "\x00") + "\x00"} {
			if err := os.WriteFile(directory+"/"+file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	process("1", "0", "systemd", "0", "/sbin/init")
	process("10", "1", "sshd", "0", "sshd: ops")
	process("11", "10", "bash", "12345", "-bash")
	process("12", "11", "sudo", "0", "sudo", "apt-get", "remove", "jq")
	process("13", "12", "apt-get", "0", "apt-get", "remove", "jq")
	process("14", "13", "dpkg", "0", "/usr/bin/dpkg", "--status-fd", "12", "--configure", "--pending")
	process("15", "14", "sh", "0", "sh", "/var/lib/dpkg/info/jq.postrm")
	process("16", "15", "rm", "0", "rm", "/etc/jq.conf")
	process("20", "1", "unattended-upgr", "0", "python3", "/usr/bin/unattended-upgrade")
	process("21", "20", "dpkg", "0", "dpkg", "--unpack")
	names := owner.NewNames()
	for _, c := range []struct {
		pid         int
		began, user string
	}{
		{14, "apt-get remove jq", "12345"},
		{13, "", "12345"},
		{16, "", "12345"},
		{21, "python3 /usr/bin/unattended-upgrade", ""},
	} {
		if e := lookup(root, c.pid, names); e.Began != c.began || e.Login != c.user {
			t.Errorf("%d: %+v", c.pid, e)
		}
	}
}

// begun waits until the kernel has given a process its command line and its environment, which it does after telling of its start.
func begun(child *exec.Cmd) {
	for read("/proc/"+itoa(child.Process.Pid)+"/environ") == "" || read("/proc/"+itoa(child.Process.Pid)+"/cmdline") == "" {
	}
}

func itoa(n int) string { return string(wire.Append(nil, n)) }

func TestLookupOfNobody(t *testing.T) {
	e := NewFinder(owner.NewNames(), quietly).Lookup(0, time.Hour)
	e.Source = "fanotify"
	if got := string(wire.Append(nil, e.Value())); got != `{"source":"fanotify"}` {
		t.Fatal(got)
	}
}

func TestValueLeavesOutWhatIsNotKnown(t *testing.T) {
	e := Evidence{
		Began: "crontab -e", Command: "vim", PID: 7, User: "root", Login: "alice", Parents: []string{"sudo", "bash"}, Unit: "session-1.scope",
		Session: "ssh from 10.0.0.9", Ended: true, Source: "fanotify",
	}
	want := `{"began":"crontab -e","command":"vim","ended":true,"login":"alice","parents":["sudo","bash"],"pid":7,"session":"ssh from 10.0.0.9","source":"fanotify","unit":"session-1.scope","user":"root"}`
	if got := string(wire.Append(nil, e.Value())); got != want {
		t.Fatal(got)
	}
}

func BenchmarkLookup(b *testing.B) {
	names := owner.NewNames()
	for b.Loop() {
		lookup("/proc", os.Getpid(), names)
	}
}
