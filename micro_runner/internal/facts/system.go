package facts

import (
	"runtime"
	"slices"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/wire"
)

func boot(m *machine) wire.Object {
	return with(nil, "id", m.line("/proc/sys/kernel/random/boot_id"))
}

func kernel(m *machine) wire.Object {
	name := m.uname()
	found := with(nil, "name", uts(name.Sysname))
	found = with(found, "release", uts(name.Release))
	found = with(found, "version", uts(name.Version))
	return with(found, "machine", uts(name.Machine))
}

// families are what distributions descend from that manage packages alike, by their ids in os-release(5).
var families = map[string]string{
	"debian": "debian", "ubuntu": "debian", "raspbian": "debian", "linuxmint": "debian", "kali": "debian", "devuan": "debian",
	"rhel": "redhat", "fedora": "redhat", "centos": "redhat", "rocky": "redhat", "almalinux": "redhat", "ol": "redhat", "amzn": "redhat",
	"suse": "suse", "opensuse": "suse", "opensuse-leap": "suse", "opensuse-tumbleweed": "suse", "sles": "suse", "sled": "suse",
	"arch": "arch", "manjaro": "arch", "endeavouros": "arch", "alpine": "alpine", "gentoo": "gentoo", "nixos": "nixos", "void": "void",
}

func distribution(m *machine) wire.Object {
	content := m.content("/etc/os-release")
	if content == "" {
		content = m.content("/usr/lib/os-release")
	}
	release := parseRelease(content)
	id := release["ID"]
	if id == "" {
		id = "linux" // what os-release(5) says that it means
	}
	like := strings.Fields(release["ID_LIKE"])
	codename := release["VERSION_CODENAME"]
	if codename == "" {
		codename = release["UBUNTU_CODENAME"]
	}
	found := wire.Object{wire.F("id", bounded(id)), wire.F("like", texts(like)), wire.F("family", bounded(family(id, like)))}
	found = with(found, "name", release["PRETTY_NAME"])
	found = with(found, "version", release["VERSION_ID"])
	found = with(found, "codename", codename)
	found = with(found, "variant", release["VARIANT_ID"])
	major, _, _ := strings.Cut(release["VERSION_ID"], ".")
	if n, err := strconv.ParseInt(major, 10, 32); err == nil {
		found = append(found, wire.F("major", n))
	}
	return found
}

func family(id string, like []string) string {
	for _, one := range append([]string{id}, like...) {
		if known, ok := families[one]; ok {
			return known
		}
	}
	return id
}

// parseRelease reads os-release(5): assignments of the shell, without any expansion.
func parseRelease(content string) map[string]string {
	release := map[string]string{}
	for line := range strings.SplitSeq(content, "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			quote := value[0]
			value = value[1 : n-1]
			if quote == '"' {
				value = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(value)
			}
		}
		release[key] = value
	}
	return release
}

// managers are package managers by the programs that are theirs, each with the family where it is the one that counts. What wraps
// another comes first.
var managers = []struct {
	name, family string
	programs     []string
}{
	{"apt", "debian", []string{"/usr/bin/apt-get"}},
	{"dnf", "redhat", []string{"/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/microdnf"}},
	{"yum", "redhat", []string{"/usr/bin/yum"}},
	{"zypper", "suse", []string{"/usr/bin/zypper"}},
	{"apk", "alpine", []string{"/sbin/apk", "/usr/bin/apk"}},
	{"pacman", "arch", []string{"/usr/bin/pacman"}},
	{"emerge", "gentoo", []string{"/usr/bin/emerge"}},
	{"xbps", "void", []string{"/usr/bin/xbps-install"}},
	{"opkg", "openwrt", []string{"/bin/opkg", "/usr/bin/opkg"}},
}

func packages(m *machine) wire.Object {
	var any string
	os, _ := distribution(m).Get("family")
	for _, one := range managers {
		if m.firstOf(one.programs...) == "" {
			continue
		}
		if one.family == os {
			return with(nil, "manager", one.name)
		}
		if any == "" {
			any = one.name
		}
	}
	return with(wire.Object{}, "manager", any)
}

func initSystem(m *machine) wire.Object {
	if m.exists("/run/systemd/system") {
		return with(with(nil, "system", "systemd"), "version", systemdVersion(m))
	}
	for _, one := range []struct{ path, name string }{
		{"/run/openrc", "openrc"}, {"/run/runit", "runit"}, {"/run/s6", "s6"}, {"/run/dinit", "dinit"},
	} {
		if m.exists(one.path) {
			return with(nil, "system", one.name)
		}
	}
	return with(wire.Object{}, "system", m.line("/proc/1/comm"))
}

// systemdVersion is in the name of the library that all of systemd's programs share.
func systemdVersion(m *machine) string {
	for _, directory := range []string{
		"/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib/aarch64-linux-gnu/systemd",
	} {
		for _, name := range m.names(directory) {
			if rest, ok := strings.CutPrefix(name, "libsystemd-shared-"); ok && strings.HasSuffix(rest, ".so") {
				digits := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
				return rest[:digits]
			}
		}
	}
	return ""
}

func security(m *machine) wire.Object {
	selinux := "disabled"
	if m.exists("/sys/fs/selinux/enforce") {
		selinux = "permissive"
		if m.line("/sys/fs/selinux/enforce") == "1" {
			selinux = "enforcing"
		}
	}
	return wire.Object{
		wire.F("apparmor", m.line("/sys/module/apparmor/parameters/enabled") == "Y"),
		wire.F("fips", m.line("/proc/sys/crypto/fips_enabled") == "1"), wire.F("selinux", selinux),
	}
}

func timeZone(m *machine) wire.Object {
	if _, zone, ok := strings.Cut(m.link("/etc/localtime"), "/zoneinfo/"); ok {
		return with(nil, "zone", zone)
	}
	zone := m.line("/etc/timezone")
	if zone == "" {
		zone = "UTC" // localtime(5)
	}
	return with(nil, "zone", zone)
}

func memory(m *machine) wire.Object {
	found := wire.Object{}
	for line := range strings.SplitSeq(m.content("/proc/meminfo"), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		switch {
		case err != nil:
		case fields[0] == "MemTotal:":
			found = append(found, wire.F("total", n<<10))
		case fields[0] == "SwapTotal:":
			found = append(found, wire.F("swap", n<<10))
		}
	}
	return found
}

func cpu(m *machine) wire.Object {
	found := wire.Object{wire.F("arch", runtime.GOARCH)}
	var processors int64
	cores, sockets := map[string]bool{}, map[string]bool{}
	socket, model, vendor := "", "", ""
	for line := range strings.SplitSeq(m.content("/proc/cpuinfo"), "\n") {
		key, value, _ := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case key == "processor":
			processors++
		case key == "physical id":
			socket = value
			sockets[socket] = true
		case key == "core id":
			cores[socket+"/"+value] = true
		case model == "" && (key == "model name" || key == "Model"):
			model = value
		case vendor == "" && key == "vendor_id":
			vendor = value
		}
	}
	if online := count(m.line("/sys/devices/system/cpu/online")); online > 0 {
		processors = online
	}
	found = withNumber(found, "count", processors)
	found = withNumber(found, "cores", int64(len(cores)))
	found = withNumber(found, "sockets", int64(len(sockets)))
	return with(with(found, "model", model), "vendor", vendor)
}

// count is how many a list such as 0-3,8 names.
func count(list string) int64 {
	var all int64
	for part := range strings.SplitSeq(list, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		low, err := strconv.ParseInt(first, 10, 32)
		high, err2 := strconv.ParseInt(last, 10, 32)
		if err != nil || err2 != nil || high < low {
			return 0
		}
		all += high - low + 1
	}
	return all
}

func hardware(m *machine) wire.Object {
	firmware := ""
	switch {
	case m.exists("/sys/firmware/efi"):
		firmware = "uefi"
	case m.exists("/sys/class/dmi/id"):
		firmware = "bios"
	}
	found := with(wire.Object{}, "id", m.line("/etc/machine-id"))
	found = with(found, "firmware", firmware)
	found = with(found, "vendor", m.line("/sys/class/dmi/id/sys_vendor"))
	model := m.line("/sys/class/dmi/id/product_name")
	if model == "" {
		model = m.line("/proc/device-tree/model")
	}
	return with(found, "model", model)
}

// hypervisors are known by what they have the firmware say, the first that fits.
var hypervisors = []struct{ said, name string }{
	{"KVM", "kvm"}, {"OpenStack", "kvm"}, {"KubeVirt", "kvm"}, {"Amazon EC2", "amazon"}, {"QEMU", "qemu"}, {"VMware", "vmware"},
	{"VMW", "vmware"}, {"innotek GmbH", "oracle"}, {"VirtualBox", "oracle"}, {"Oracle Corporation", "oracle"}, {"Xen", "xen"},
	{"Bochs", "bochs"}, {"Parallels", "parallels"}, {"BHYVE", "bhyve"}, {"Hyper-V", "microsoft"}, {"Virtual Machine", "microsoft"},
	{"Apple Virtualization", "apple"}, {"Google Compute Engine", "google"},
}

func virtualization(m *machine) wire.Object {
	kind, name := "container", container(m)
	if name == "" {
		kind, name = "machine", hypervisor(m)
	}
	if name == "" {
		kind, name = "none", "none"
	}
	return with(with(nil, "kind", kind), "type", name)
}

func container(m *machine) string {
	for _, path := range []string{"/run/systemd/container", "/run/host/container-manager"} {
		if name := m.line(path); name != "" {
			return name
		}
	}
	switch {
	case m.exists("/run/.containerenv"):
		return "podman"
	case m.exists("/.dockerenv"):
		return "docker"
	case m.exists("/proc/vz") && !m.exists("/proc/bc"):
		return "openvz"
	}
	release := m.line("/proc/sys/kernel/osrelease")
	if strings.Contains(release, "Microsoft") || strings.Contains(release, "WSL") {
		return "wsl"
	}
	for variable := range strings.SplitSeq(m.content("/proc/1/environ"), "\x00") { // root may read it
		if name, ok := strings.CutPrefix(variable, "container="); ok {
			return name
		}
	}
	return ""
}

func hypervisor(m *machine) string {
	if strings.Contains(m.line("/proc/xen/capabilities"), "control_d") {
		return "" // it is the host
	}
	found := ""
	var said []string
	for _, name := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		said = append(said, m.line("/sys/class/dmi/id/"+name))
	}
	for _, one := range hypervisors {
		if slices.ContainsFunc(said, func(text string) bool { return strings.HasPrefix(text, one.said) }) {
			found = one.name
			break
		}
	}
	if found != "" && found != "qemu" {
		return found
	}
	clocks := m.line("/sys/devices/system/clocksource/clocksource0/available_clocksource")
	switch {
	case strings.Contains(clocks, "kvm-clock"):
		return "kvm"
	case found != "":
		return found
	case strings.Contains(clocks, "hyperv"):
		return "microsoft"
	case m.line("/sys/hypervisor/type") == "xen":
		return "xen"
	case strings.HasPrefix(m.line("/proc/device-tree/hypervisor/compatible"), "linux,kvm"):
		return "kvm"
	}
	for line := range strings.SplitSeq(m.content("/proc/cpuinfo"), "\n") {
		if strings.HasPrefix(line, "flags") && strings.Contains(line, " hypervisor") {
			return "unknown"
		}
	}
	return ""
}
