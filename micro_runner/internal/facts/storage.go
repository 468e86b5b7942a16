package facts

import (
	"context"
	"os"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/hang"
	"froyo.dev/runner/internal/wire"
)

// link is where a symbolic link leads, or "".
func (m *machine) link(path string) string {
	to, _ := os.Readlink(m.root + path)
	return to
}

const sector = 512

// disks are the block devices that are made of something: neither loops and memory, nor what a volume manager makes of them.
func disks(m *machine) wire.Object {
	found := m.table()
	for _, name := range m.names("/sys/block") {
		at := "/sys/block/" + name
		size := m.number(at+"/size") * sector
		if !m.exists(at+"/device") || size == 0 || strings.HasPrefix(name, "sr") || strings.HasPrefix(name, "fd") {
			continue
		}
		disk := wire.Object{
			wire.F("readonly", m.line(at+"/ro") == "1"), wire.F("removable", m.line(at+"/removable") == "1"),
			wire.F("rotational", m.line(at+"/queue/rotational") == "1"),
		}
		disk = withNumber(disk, "size", size)
		disk = with(disk, "model", m.line(at+"/device/model"))
		disk = with(disk, "vendor", m.line(at+"/device/vendor"))
		disk = with(disk, "serial", m.line(at+"/device/serial"))
		partitions := wire.Object{}
		for _, part := range m.names(at) {
			if m.exists(at + "/" + part + "/partition") {
				partitions = append(partitions, wire.F(part, withNumber(wire.Object{}, "size", m.number(at+"/"+part+"/size")*sector)))
			}
		}
		if !found.put(name, append(disk, wire.F("partitions", partitions))) {
			break
		}
	}
	return found.entries
}

// mount is a line of proc_pid_mountinfo(5).
type mount struct {
	point, kind, source string
	options             []string
}

// mounts are the file systems that hold files for longer than the machine runs, or that others share, by where they are mounted.
func mounts(m *machine) wire.Object {
	volatile := volatileKinds(m.content("/proc/filesystems"))
	var all []mount
	var local []string
	for line := range strings.SplitSeq(m.content("/proc/self/mountinfo"), "\n") {
		one, ok := parseMount(line)
		if !ok || !lasts(one, volatile) {
			continue
		}
		all = append(all, one)
		if strings.HasPrefix(one.source, "/dev/") && !strings.HasPrefix(one.kind, "fuse") || one.kind == "tmpfs" || one.kind == "zfs" || one.kind == "overlay" {
			local = append(local, one.point)
		}
	}
	sizes := m.sizes(local)
	found := m.table()
	for _, one := range all {
		entry := wire.Object{wire.F("fstype", bounded(one.kind)), wire.F("options", texts(one.options)), wire.F("source", bounded(one.source))}
		if !found.put(one.point, withNumber(entry, "size", sizes[one.point])) {
			break
		}
	}
	return found.entries
}

// sizes asks local file systems only: one on a network may take as long to answer as it likes.
func (m *machine) sizes(points []string) map[string]int64 {
	results := hang.Each(m.ctx, m.hung, hang.Looks[int64]{
		Paths: points, Apart: "facts", Workers: 1,
		Worker: func() (func(context.Context, int) int64, func()) {
			return func(_ context.Context, i int) int64 { return m.size(m.root + points[i]) }, func() {}
		},
		Hangs: func(int, error) int64 { return 0 },
	})
	sizes := map[string]int64{}
	for i, point := range points {
		sizes[point] = results[i]
	}
	return sizes
}

func parseMount(line string) (mount, bool) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 6 || len(right) < 2 {
		return mount{}, false
	}
	return mount{point: unescaped(left[4]), options: strings.Split(left[5], ","), kind: right[0], source: unescaped(right[1])}, true
}

// unescaped is a field of mountinfo with the octal escapes of white space and backslashes undone.
func unescaped(field string) string {
	var text strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if n, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				text.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		text.WriteByte(field[i])
	}
	return text.String()
}

// volatileKinds are the kinds of file system that are on no device, but for those that keep or share files all the same.
func volatileKinds(filesystems string) map[string]bool {
	kinds := map[string]bool{}
	for line := range strings.SplitSeq(filesystems, "\n") {
		if kind, ok := strings.CutPrefix(line, "nodev\t"); ok {
			kinds[kind] = true
		}
	}
	for _, kind := range []string{"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "zfs", "overlay", "tmpfs", "fuse"} {
		delete(kinds, kind)
	}
	return kinds
}

// owned are the directories below which container managers, sessions and the system itself mount and unmount as they go.
var owned = []string{
	"/run", "/dev", "/sys", "/proc", "/snap", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/snap",
}

func lasts(one mount, volatile map[string]bool) bool {
	if volatile[one.kind] || one.kind == "squashfs" || one.kind == "fuse.portal" || one.kind == "fuse.gvfsd-fuse" || one.kind == "fuse.lxcfs" {
		return false
	}
	for _, directory := range owned {
		if one.point == directory || strings.HasPrefix(one.point, directory+"/") {
			return false
		}
	}
	return true
}
