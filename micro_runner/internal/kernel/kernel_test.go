package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

type object = harness.Object

func on(t *testing.T) (*harness.Harness, string) {
	t.Helper()
	root := t.TempDir()
	for name, value := range map[string]string{"net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "net/ipv4/conf/eth0.1/forwarding": "0\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		harness.Put(t, filepath.Join(root, name), value)
	}
	return harness.New(t, func(host *command.Host) []command.Command {
		return commandsAt(host, root, func(path string) bool { return strings.Contains(path, "/conf/") })
	}), root
}

func TestASettingIsReadAndWrittenWhereItDiffers(t *testing.T) {
	h, root := on(t)
	if got := h.OK("sysctl.stat", object{"name": "net.ipv4.tcp_rmem"}); got["value"] != "4096 131072 6291456" || got["path"] != root+"/net/ipv4/tcp_rmem" || got["read_only"] != nil {
		t.Error(got)
	}
	for _, name := range []string{"net.ipv4.conf.eth0/1.forwarding"} {
		if got := h.OK("sysctl.stat", object{"name": name}); got["value"] != "0" || got["read_only"] != true {
			t.Error(name, got)
		}
	}
	if got := h.OK("sysctl.stat", object{"name": "net.none"}); got["exists"] != false {
		t.Error(got)
	}
	set := object{"name": "net.ipv4.tcp_rmem", "value": "4096  1 2", "expect": "4096 131072 6291456"}
	if h.OK("sysctl.set", set)["changed"] != true || h.OK("sysctl.set", set)["changed"] != false {
		t.Error("not once")
	}
	if content, _ := os.ReadFile(root + "/net/ipv4/tcp_rmem"); string(content) != "4096 1 2\n" {
		t.Errorf("%q", content)
	}
	h.Fails(fault.Conflict, "sysctl.set", object{"name": "net.ipv4.tcp_rmem", "value": "1", "expect": "7"})
	h.Fails(fault.NotFound, "sysctl.set", object{"name": "net.none", "value": "1"})
}

func TestANameLeadsNowhereElse(t *testing.T) {
	h, _ := on(t)
	for _, name := range []string{"", "net", "net..x", "net.ipv4/../../x", "../etc/passwd", "/etc/passwd", "net/../../etc", "net.a b", "net."} {
		h.Fails(fault.BadRequest, "sysctl.stat", object{"name": name})
		h.Fails(fault.BadRequest, "sysctl.set", object{"name": name, "value": "1"})
	}
	for _, value := range []string{"", " \n", "a\x00b"} {
		h.Fails(fault.BadRequest, "sysctl.set", object{"name": "net.ipv4.tcp_rmem", "value": value})
	}
}
