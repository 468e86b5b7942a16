package confine

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	sysMountSetattr = 442
	recursive       = 0x8000
	atFDCWD         = -100
	mountReadOnly   = 1
	mountNoDevices  = 4

	dropFromBounding = 24 // PR_CAPBSET_DROP
	capabilities3    = 0x20080522
)

// harmless are the devices that anybody may write to without a change to anything.
var harmless = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}

// renounced is what would undo read-only mounts, or get round them: by other mounts, by the memory or the file system of another process, by
// the hardware or the kernel itself. CAP_SYS_MODULE, _RAWIO, _PTRACE, _ADMIN, _BOOT, _TIME, MKNOD, PERFMON, BPF, CHECKPOINT_RESTORE.
var renounced = []uint{16, 17, 19, 21, 22, 25, 27, 38, 39, 40}

// attempts at making all mounts read-only, and without devices, in turn; a variable for the tests.
var attempts = []func(scratch string) error{atOnce, oneByOne}

// readOnlyMounts makes all mounts read-only, in a name space of this thread's own. Beside Landlock it is what forbids changes of modes, owners and
// times, where it is to be had.
func readOnlyMounts(scratch string) error {
	if err := ownMounts(scratch); err != nil {
		return err
	}
	if err := setAttributes("/", recursive, [4]uint64{mountReadOnly}); err != nil {
		return err
	}
	if scratch == "" {
		return nil
	}
	return setAttributes(scratch, 0, [4]uint64{0, mountReadOnly})
}

// byMountsAlone confines this thread where there is no Landlock, which takes root: nothing is written, created or removed on any mount, no
// device is opened but harmless ones, and what would take that back is given up. That it is so is looked at, and not believed.
func byMountsAlone(scratch string) error {
	if err := ownMounts(scratch); err != nil {
		return err
	}
	for _, device := range harmless {
		_ = syscall.Mount(device, device, "", syscall.MS_BIND, "") // not all of them are everywhere
	}
	err := error(syscall.ENOSYS)
	for _, attempt := range attempts {
		if err = attempt(scratch); err == nil {
			break
		}
	}
	if err == nil && !sealed(scratch) {
		err = syscall.EPERM
	}
	if err != nil {
		return err
	}
	return renounce()
}

func ownMounts(scratch string) error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil || scratch == "" {
		return err
	}
	return syscall.Mount(scratch, scratch, "", syscall.MS_BIND, "")
}

// atOnce does it by one call, from Linux 5.12 on.
func atOnce(scratch string) error {
	if err := setAttributes("/", recursive, [4]uint64{mountReadOnly | mountNoDevices}); err != nil {
		return err
	}
	for _, device := range harmless {
		_ = setAttributes(device, 0, [4]uint64{0, mountNoDevices})
	}
	if scratch == "" {
		return nil
	}
	return setAttributes(scratch, 0, [4]uint64{0, mountReadOnly})
}

// setAttributes sets the first of some attributes of a mount, and clears the second.
func setAttributes(path string, flags uintptr, attributes [4]uint64) error {
	name := append([]byte(path), 0)
	at := atFDCWD
	_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(at), uintptr(unsafe.Pointer(&name[0])), flags,
		uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// oneByOne does it for each mount that can be reached, as older kernels have it.
func oneByOne(scratch string) error {
	mounts, err := mounted()
	if err != nil {
		return err
	}
	for _, one := range mounts {
		flags := uintptr(syscall.MS_REMOUNT | syscall.MS_BIND)
		for option, flag := range map[string]uintptr{
			"nosuid": syscall.MS_NOSUID, "noexec": syscall.MS_NOEXEC, "noatime": syscall.MS_NOATIME, "nodiratime": syscall.MS_NODIRATIME, "relatime": syscall.MS_RELATIME,
		} {
			if slices.Contains(one.options, option) {
				flags |= flag
			}
		}
		if one.place != scratch {
			flags |= syscall.MS_RDONLY
		}
		if !slices.Contains(harmless, one.place) {
			flags |= syscall.MS_NODEV
		}
		if err := syscall.Mount("", one.place, "", flags, ""); err != nil {
			return err
		}
	}
	return nil
}

// sealed is whether nothing can be changed on any mount that can be reached, but below scratch, and no device be opened that is not harmless.
func sealed(scratch string) bool {
	mounts, err := mounted()
	return err == nil && len(mounts) > 0 && !slices.ContainsFunc(mounts, func(one mount) bool {
		writes := !slices.Contains(one.options, "ro") && one.place != scratch
		devices := !slices.Contains(one.options, "nodev") && !slices.Contains(harmless, one.place)
		return writes || devices
	})
}

// mount is one of those that this thread has.
type mount struct {
	id, above, place string
	options          []string
}

// mounted are those that can be reached: not what has another one on top of it.
func mounted() ([]mount, error) {
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parsed(string(text)), nil
}

func parsed(text string) []mount {
	var found []mount
	places := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 6 {
			continue
		}
		one := mount{id: words[0], above: words[1], place: plain(words[4]), options: strings.Split(words[5], ",")}
		found = append(found, one)
		places[one.id] = one.place
	}
	covered := map[string]bool{}
	for _, one := range found {
		if places[one.above] == one.place && one.above != one.id {
			covered[one.above] = true
		}
	}
	return slices.DeleteFunc(found, func(one mount) bool { return covered[one.id] })
}

// plain is a path as it is, of which spaces and the like are written as octal numbers.
func plain(path string) string {
	var text strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if number, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				text.WriteByte(byte(number))
				i += 3
				continue
			}
		}
		text.WriteByte(path[i])
	}
	return text.String()
}

// renounce gives up what would undo it all, for whatever this thread becomes and starts.
func renounce() error {
	for _, one := range renounced {
		_, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, dropFromBounding, uintptr(one), 0, 0, 0, 0)
		if errno != 0 && errno != syscall.EINVAL { // which this kernel does not know
			return errno
		}
	}
	header := struct {
		version uint32
		pid     int32
	}{capabilities3, 0}
	var sets [2]struct{ effective, permitted, inheritable uint32 }
	if _, _, errno := syscall.Syscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0); errno != 0 {
		return errno
	}
	for _, one := range renounced {
		mask := ^(uint32(1) << (one % 32))
		set := &sets[one/32]
		set.effective, set.permitted, set.inheritable = set.effective&mask, set.permitted&mask, set.inheritable&mask
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0); errno != 0 {
		return errno
	}
	return nil
}
