package facts

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/wire"
)

// machineOf is a machine that has these files, and nothing else.
func machineOf(t *testing.T, files map[string]string) *machine {
	t.Helper()
	root := t.TempDir()
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, isLink := strings.CutPrefix(content, "-> "); isLink {
			if err := os.Symlink(to, root+path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(root+path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := this(context.Background(), hang.NewPlaces())
	m.root, m.links, m.addresses = root, func() []link { return nil }, func() []address { return nil }
	m.size = func(string) int64 { return 4096 }
	m.uname = func() syscall.Utsname {
		var name syscall.Utsname
		for i, c := range "web-1" {
			name.Nodename[i] = int8(c)
		}
		return name
	}
	return m
}

// sectionOf is one section of a machine's facts in canonical JSON.
func sectionOf(m *machine, name string) string {
	facts, _ := gather(m, []string{name}).Get("facts")
	value, _ := facts.(wire.Object).Get(name)
	return string(wire.Append(nil, value))
}

const debian = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
# a remark
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
`

const cpuinfo = `processor	: 0
vendor_id	: GenuineIntel
model name	: Xeon
physical id	: 0
core id		: 0
flags		: fpu hypervisor sse

processor	: 1
vendor_id	: GenuineIntel
model name	: Xeon
physical id	: 0
core id		: 0

processor	: 2
physical id	: 1
core id		: 0
`

const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:30 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1k
31 27 0:31 / /run/user/0 rw - tmpfs tmpfs rw
32 27 0:32 / /srv/with\040space rw shared:1 master:2 - nfs4 nas:/srv rw
33 27 0:33 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
34 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro
35 27 254:0 / / rw - btrfs /dev/vdb rw
36 27 0:36 / /home/a/.cache/doc rw - fuse.portal portal rw
broken
37 27 8:1
`

func TestSections(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		files   map[string]string
		want    string
	}{
		"debian": {"os", map[string]string{"/etc/os-release": debian},
			`{"codename":"bookworm","family":"debian","id":"debian","like":[],"major":12,"name":"Debian GNU/Linux 12 (bookworm)","version":"12"}`},
		"a derivative, where the file is not in /etc": {"os", map[string]string{
			"/usr/lib/os-release": "ID=mint\nID_LIKE='ubuntu debian'\nVERSION_ID=21.3\nUBUNTU_CODENAME=jammy\nVARIANT_ID=mini\n"},
			`{"codename":"jammy","family":"debian","id":"mint","like":["ubuntu","debian"],"major":21,"variant":"mini","version":"21.3"}`},
		"a rolling one":                    {"os", map[string]string{"/etc/os-release": "ID=arch\n"}, `{"family":"arch","id":"arch","like":[]}`},
		"one of its own":                   {"os", map[string]string{"/etc/os-release": `NAME="a \"b\" \$c"` + "\nID=own\n"}, `{"family":"own","id":"own","like":[]}`},
		"no os-release":                    {"os", nil, `{"family":"linux","id":"linux","like":[]}`},
		"two package managers on a debian": {"packages", map[string]string{"/etc/os-release": debian, "/usr/bin/apt-get": "", "/usr/bin/dnf": ""}, `{"manager":"apt"}`},
		"one that is not its family's":     {"packages", map[string]string{"/etc/os-release": debian, "/usr/bin/dnf": "", "/usr/bin/yum": ""}, `{"manager":"dnf"}`},
		"no package manager":               {"packages", nil, `{}`},
		"systemd": {"init", map[string]string{"/run/systemd/system/x": "", "/usr/lib/systemd/libsystemd-shared-252.so": ""},
			`{"system":"systemd","version":"252"}`},
		"a systemd whose version nobody knows": {"init", map[string]string{"/run/systemd/system/x": ""}, `{"system":"systemd"}`},
		"openrc":                               {"init", map[string]string{"/run/openrc/softlevel": ""}, `{"system":"openrc"}`},
		"another init":                         {"init", map[string]string{"/proc/1/comm": "init\n"}, `{"system":"init"}`},
		"nothing said of security":             {"security", nil, `{"apparmor":false,"fips":false,"selinux":"disabled"}`},
		"hardened": {"security", map[string]string{
			"/sys/fs/selinux/enforce": "1", "/sys/module/apparmor/parameters/enabled": "Y\n", "/proc/sys/crypto/fips_enabled": "1\n"},
			`{"apparmor":true,"fips":true,"selinux":"enforcing"}`},
		"permissive":             {"security", map[string]string{"/sys/fs/selinux/enforce": "0"}, `{"apparmor":false,"fips":false,"selinux":"permissive"}`},
		"a zone by its link":     {"time", map[string]string{"/etc/localtime": "-> /usr/share/zoneinfo/Europe/Berlin", "/etc/timezone": "Asia/Tokyo"}, `{"zone":"Europe/Berlin"}`},
		"a zone by its name":     {"time", map[string]string{"/etc/timezone": "Asia/Tokyo\n"}, `{"zone":"Asia/Tokyo"}`},
		"no zone":                {"time", nil, `{"zone":"UTC"}`},
		"memory":                 {"memory", map[string]string{"/proc/meminfo": "MemTotal:  1024 kB\nMemFree: 1 kB\nSwapTotal: 2 kB\nx\nMemTotal: y kB\n"}, `{"swap":2048,"total":1048576}`},
		"no memory to be seen":   {"memory", nil, `{}`},
		"cpu":                    {"cpu", map[string]string{"/proc/cpuinfo": cpuinfo}, `{"arch":"ARCH","cores":2,"count":3,"model":"Xeon","sockets":2,"vendor":"GenuineIntel"}`},
		"cpus that are offline":  {"cpu", map[string]string{"/proc/cpuinfo": cpuinfo, "/sys/devices/system/cpu/online": "0-1,3\n"}, `{"arch":"ARCH","cores":2,"count":3,"model":"Xeon","sockets":2,"vendor":"GenuineIntel"}`},
		"cpus nobody can count":  {"cpu", map[string]string{"/sys/devices/system/cpu/online": "x"}, `{"arch":"ARCH"}`},
		"a machine with dmi":     {"machine", map[string]string{"/etc/machine-id": "abc\n", "/sys/class/dmi/id/sys_vendor": "ACME\n", "/sys/class/dmi/id/product_name": "X1\n"}, `{"firmware":"bios","id":"abc","model":"X1","vendor":"ACME"}`},
		"a board":                {"machine", map[string]string{"/sys/firmware/efi/x": "", "/proc/device-tree/model": "Raspberry Pi 4\x00"}, `{"firmware":"uefi","model":"Raspberry Pi 4"}`},
		"no virtualization":      {"virtualization", map[string]string{"/sys/class/dmi/id/sys_vendor": "ACME"}, `{"kind":"none","type":"none"}`},
		"a container by systemd": {"virtualization", map[string]string{"/run/systemd/container": "lxc\n", "/.dockerenv": ""}, `{"kind":"container","type":"lxc"}`},
		"docker":                 {"virtualization", map[string]string{"/.dockerenv": ""}, `{"kind":"container","type":"docker"}`},
		"podman":                 {"virtualization", map[string]string{"/run/.containerenv": ""}, `{"kind":"container","type":"podman"}`},
		"openvz":                 {"virtualization", map[string]string{"/proc/vz/x": ""}, `{"kind":"container","type":"openvz"}`},
		"wsl":                    {"virtualization", map[string]string{"/proc/sys/kernel/osrelease": "5.15-microsoft-standard-WSL2"}, `{"kind":"container","type":"wsl"}`},
		"what init was told":     {"virtualization", map[string]string{"/proc/1/environ": "A=b\x00container=nspawn\x00"}, `{"kind":"container","type":"nspawn"}`},
		"the host of a xen":      {"virtualization", map[string]string{"/proc/xen/capabilities": "control_d\n", "/sys/hypervisor/type": "xen"}, `{"kind":"none","type":"none"}`},
		"vmware":                 {"virtualization", map[string]string{"/sys/class/dmi/id/product_name": "VMware Virtual Platform"}, `{"kind":"machine","type":"vmware"}`},
		"qemu with kvm":          {"virtualization", map[string]string{"/sys/class/dmi/id/sys_vendor": "QEMU", "/sys/devices/system/clocksource/clocksource0/available_clocksource": "kvm-clock tsc"}, `{"kind":"machine","type":"kvm"}`},
		"qemu alone":             {"virtualization", map[string]string{"/sys/class/dmi/id/sys_vendor": "QEMU"}, `{"kind":"machine","type":"qemu"}`},
		"hyper-v by its clock":   {"virtualization", map[string]string{"/sys/devices/system/clocksource/clocksource0/available_clocksource": "hyperv_clocksource_tsc_page"}, `{"kind":"machine","type":"microsoft"}`},
		"xen":                    {"virtualization", map[string]string{"/sys/hypervisor/type": "xen\n"}, `{"kind":"machine","type":"xen"}`},
		"kvm on a board":         {"virtualization", map[string]string{"/proc/device-tree/hypervisor/compatible": "linux,kvm\x00"}, `{"kind":"machine","type":"kvm"}`},
		"one that does not say":  {"virtualization", map[string]string{"/proc/cpuinfo": cpuinfo}, `{"kind":"machine","type":"unknown"}`},
		"boot":                   {"boot", map[string]string{"/proc/sys/kernel/random/boot_id": "b\n"}, `{"id":"b"}`},
		"disks": {"disks", map[string]string{
			"/sys/block/sda/size": "8", "/sys/block/sda/device/model": "Fast  \n", "/sys/block/sda/device/vendor": "ACME", "/sys/block/sda/device/serial": "1",
			"/sys/block/sda/queue/rotational": "1\n", "/sys/block/sda/sda1/partition": "1", "/sys/block/sda/sda1/size": "4",
			"/sys/block/loop0/size": "8", "/sys/block/sr0/size": "8", "/sys/block/sr0/device/x": "", "/sys/block/sdb/size": "0", "/sys/block/sdb/device/x": ""},
			`{"sda":{"model":"Fast","partitions":{"sda1":{"size":2048}},"readonly":false,"removable":false,"rotational":true,"serial":"1","size":4096,"vendor":"ACME"}}`},
		"mounts": {"mounts", map[string]string{"/proc/self/mountinfo": mountinfo, "/proc/filesystems": "nodev\tproc\nnodev\ttmpfs\n\text4\nnodev\tnfs4\n"},
			`{"/":{"fstype":"btrfs","options":["rw"],"size":4096,"source":"/dev/vdb"},"/srv/with space":{"fstype":"nfs4","options":["rw"],"source":"nas:/srv"},` +
				`"/tmp":{"fstype":"tmpfs","options":["rw","nosuid"],"size":4096,"source":"tmpfs"}}`},
		"users": {"users", map[string]string{
			"/etc/passwd": "root:x:0:0:r\xffoot:/root:/bin/bash\n+::::::\n#x:x:1:1:::\nops:x:1000:1000::/home/ops:/bin/sh\nops:x:5:5::/:/bin/false\nbad:x:y:1:::\nbad:x:1:y:::\nshort:x:1\n",
			"/etc/group":  "root:x:0:\nsudo:x:27:ops,root\nops:x:1000:ops\nops:x:7:\nalso:x:1000:\nbad:x:z:\n"},
			`{"ops":{"comment":"","gid":1000,"groups":["ops","sudo"],"home":"/home/ops","shell":"/bin/sh","uid":1000},` +
				`"root":{"comment":"root","gid":0,"groups":["root","sudo"],"home":"/root","shell":"/bin/bash","uid":0}}`},
		"a user without a group": {"users", map[string]string{"/etc/passwd": "a:x:1:9:::\n"}, `{"a":{"comment":"","gid":9,"groups":[],"home":"","shell":"","uid":1}}`},
		"groups":                 {"groups", map[string]string{"/etc/group": "sudo:x:27:ops,,root\nops:x:1000:\n"}, `{"ops":{"gid":1000,"members":[]},"sudo":{"gid":27,"members":["ops","root"]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := machineOf(t, c.files)
			if c.section == "cpu" {
				arch, _ := cpu(m).Get("arch")
				c.want = strings.ReplaceAll(c.want, "ARCH", arch.(string))
			}
			if got := sectionOf(m, c.section); got != c.want {
				t.Errorf("%s\nis not\n%s", got, c.want)
			}
		})
	}
}

func TestTheKernelSaysWhatItIs(t *testing.T) {
	m := machineOf(t, nil)
	m.uname = this(context.Background(), m.hung).uname
	if got := sectionOf(m, "kernel"); !strings.Contains(got, `"name":"Linux"`) || !strings.Contains(got, `"release":`) {
		t.Error(got)
	}
}

func TestNetworkInterfacesAndWhereTheyLead(t *testing.T) {
	m := machineOf(t, map[string]string{
		"/proc/net/route": "Iface\tDestination\n" +
			"wg0\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n" +
			"eth0\t00000000\t0105000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
			"eth0\t00000000\t0205000A\t0203\t0\t0\t0\t00000000\t0\t0\t0\n" +
			"eth0\t00000000\tzz\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
			"eth0\t0005000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
		"/proc/net/ipv6_route": strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " ffffffff 1 0 00200200 lo\n" +
			strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00 fe800000000000000000000000000001 00000400 1 0 00000003 eth0\n" +
			strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00000400 1 0 00000003 wg0\n" +
			strings.Repeat("0", 32) + " 00 x\n" + strings.Repeat("0", 32) + " 00 " + strings.Repeat("0", 32) + " 00 zz 00000400 1 0 00000003 wg0\n",
		"/etc/resolv.conf": "nameserver 10.0.5.1\nsearch .\ndomain example.net\nnameserver ::1\noptions\n",
		"/etc/hosts":       "127.0.0.1 localhost\n127.0.1.1 web-1.example.com web-1 # us\n",
	})
	m.links = func() []link {
		return []link{
			{index: 1, name: "lo", loopback: true, mtu: 65536, up: true},
			{index: 2, name: "eth0", mac: "aa:bb:cc:00:00:01", mtu: 1500, up: true, member: true},
			{index: 3, name: "wg0", kind: "wireguard", mtu: 1420},
			{index: 4, name: "vethabc", kind: "veth", member: true},
			{index: 5, name: "veth-own", kind: "veth", mtu: 1500},
		}
	}
	m.addresses = func() []address {
		return []address{
			{1, netip.MustParsePrefix("127.0.0.1/8"), false},
			{2, netip.MustParsePrefix("192.0.2.7/32"), true},
			{2, netip.MustParsePrefix("10.0.5.9/24"), true},
			{2, netip.MustParsePrefix("fe80::1/64"), false},
			{2, netip.MustParsePrefix("2001:db8::9/64"), true},
		}
	}
	want := `{"default":{"ipv4":{"address":"10.0.5.9","gateway":"10.0.5.1","interface":"eth0"},` +
		`"ipv6":{"address":"2001:db8::9","gateway":"fe80::1","interface":"eth0"}},` +
		`"domain":"example.com","fqdn":"web-1.example.com","hostname":"web-1","interfaces":{` +
		`"eth0":{"addresses":[{"address":"192.0.2.7","family":"ipv4","prefix":32,"scope":"global"},` +
		`{"address":"10.0.5.9","family":"ipv4","prefix":24,"scope":"global"},{"address":"fe80::1","family":"ipv6","prefix":64,"scope":"link"},` +
		`{"address":"2001:db8::9","family":"ipv6","prefix":64,"scope":"global"}],"kind":"device","mac":"aa:bb:cc:00:00:01","mtu":1500,"up":true},` +
		`"lo":{"addresses":[{"address":"127.0.0.1","family":"ipv4","prefix":8,"scope":"host"}],"kind":"loopback","mtu":65536,"up":true},` +
		`"veth-own":{"addresses":[],"kind":"veth","mtu":1500,"up":false},"wg0":{"addresses":[],"kind":"wireguard","mtu":1420,"up":false}},` +
		`"ipv4":["192.0.2.7","10.0.5.9"],"ipv6":["2001:db8::9"],"nameservers":["10.0.5.1","::1"],"search":["example.net"]}`
	if got := sectionOf(m, "network"); got != want {
		t.Errorf("%s\nis not\n%s", got, want)
	}
}

func TestAFullNameIsFoundWithoutAskingTheNetwork(t *testing.T) {
	for _, c := range []struct {
		host, hosts string
		search      []string
		want        string
	}{
		{"web-1.example.com", "", nil, "web-1.example.com"},
		{"web-1", "10.0.0.1 web-1 web-1.example.com", nil, "web-1.example.com"},
		{"web-1", "10.0.0.1 web-1", []string{"example.net", "x"}, "web-1.example.net"},
		{"web-1", "#10.0.0.1 web-1.example.com web-1", nil, "web-1"},
	} {
		if got := qualified(c.host, c.hosts, c.search); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestTheKernelTellsOfItsInterfaces(t *testing.T) {
	links := readLinks()
	if len(links) == 0 {
		t.Skip("the kernel does not answer here")
	}
	for _, one := range links {
		if one.loopback {
			if one.name == "" || one.mtu == 0 || one.mac != "" {
				t.Errorf("%+v", one)
			}
			return
		}
	}
	t.Error("there is no loopback interface", links)
}

func TestAttributesWithinOthersAreFoundAndBrokenOnesAreNone(t *testing.T) {
	for value, want := range map[string]string{
		"\x06\x00\x02\x00ab\x00\x00\x07\x00\x01\x00vet": "vet", "\x05\x00\x01\x00a": "a", "\x02\x00\x01\x00": "", "\x09\x00\x01\x00a": "", "\x05": "",
	} {
		if got := text(nested([]byte(value), iflaInfoKind)); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	if number([]byte{1}) != 0 || hardwareAddress([]byte{0, 0}) != "" || hardwareAddress([]byte{1, 0xab}) != "01:ab" {
		t.Error("a number of a byte, or an address")
	}
}

func TestEqualMachinesGiveEqualFacts(t *testing.T) {
	once := func() string {
		return string(wire.Append(nil, gather(this(context.Background(), hang.NewPlaces()), []string{"cpu", "kernel", "memory", "os", "users", "groups", "init", "time"})))
	}
	if first, second := once(), once(); first != second {
		t.Errorf("%s\n%s", first, second)
	}
}

func TestWhatThereIsTooMuchOfIsCutAndSaidToBe(t *testing.T) {
	var passwd, group strings.Builder
	for i := range maxEntries + 5 {
		passwd.WriteString("u" + strconv.Itoa(i) + ":x:1:1:" + strings.Repeat("c", 600) + ":/:/bin/sh\n")
		group.WriteString("g" + strconv.Itoa(i) + ":x:1:" + strings.Repeat("member,", 500) + "\n")
	}
	m := machineOf(t, map[string]string{"/etc/passwd": passwd.String(), "/etc/group": group.String()})
	reply := gather(m, []string{"users", "groups", "os"})
	cut, _ := reply.Get("cut")
	if !reflect.DeepEqual(cut, wire.Array{"groups", "users"}) {
		t.Error(cut)
	}
	if size := len(wire.Append(nil, reply)); size > 3*maxSection {
		t.Errorf("%d bytes", size)
	}
}

func TestOneMayAskForSomeFactsOnly(t *testing.T) {
	h := harness.New(t, Commands)
	if facts := h.OK("facts", harness.Object{"only": []string{"os", "boot"}})["facts"].(harness.Object); len(facts) != 2 {
		t.Error(facts)
	}
	if facts := h.OK("facts", harness.Object{})["facts"].(harness.Object); len(facts) != len(sections) {
		t.Error(facts)
	}
	if message := h.Fails(fault.BadRequest, "facts", harness.Object{"only": []string{"weather"}}); !strings.Contains(message, "virtualization") {
		t.Error(message)
	}
	h.Fails(fault.BadRequest, "facts", harness.Object{"only": 1})
}
