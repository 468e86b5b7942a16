package systemd

import (
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

// pathOf is the object of a unit: what is neither a letter nor a digit, or a digit at the beginning, is written as _ and its two hexadecimal digits.
func pathOf(unit string) dbus.ObjectPath {
	var path strings.Builder
	path.WriteString(unitPrefix)
	for i := range len(unit) {
		c := unit[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			path.WriteByte(c)
		} else {
			fmt.Fprintf(&path, "_%02x", c)
		}
	}
	return dbus.ObjectPath(path.String())
}

// unitOf is the unit of an object; "" when it is that of something else.
func unitOf(path dbus.ObjectPath) string {
	escaped, ok := strings.CutPrefix(string(path), unitPrefix)
	if !ok {
		return ""
	}
	var unit strings.Builder
	for i := 0; i < len(escaped); i++ {
		var c byte
		if escaped[i] == '_' && i+2 < len(escaped) {
			if _, err := fmt.Sscanf(escaped[i+1:i+3], "%02x", &c); err == nil {
				unit.WriteByte(c)
				i += 2
				continue
			}
		}
		unit.WriteByte(escaped[i])
	}
	return unit.String()
}

var kinds = []string{"service", "socket", "timer", "path", "mount", "automount", "swap", "target", "slice", "scope", "device"}

// isTemplate says whether a name is that of a file from which units are made, and of no unit.
func isTemplate(unit string) bool {
	stem, _, _ := cutLast(unit, ".")
	return strings.HasSuffix(stem, "@")
}

// Check says whether something is the full name of a unit.
func Check(unit string) bool {
	stem, kind, ok := cutLast(unit, ".")
	if !ok || stem == "" || len(unit) > 255 {
		return false
	}
	for i := range len(stem) {
		c := stem[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(":-_.\\@", c) >= 0) {
			return false
		}
	}
	for _, one := range kinds {
		if kind == one {
			return true
		}
	}
	return false
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// face is the interface of a kind of unit, with what only such units have.
func face(unit string) string {
	_, kind, _ := cutLast(unit, ".")
	return name + "." + strings.ToUpper(kind[:1]) + kind[1:]
}

func isService(unit string) bool { return strings.HasSuffix(unit, ".service") }

// hasResult says whether units of this kind tell how they ended.
func hasResult(unit string) bool {
	_, kind, _ := cutLast(unit, ".")
	return kind != "target" && kind != "slice" && kind != "device"
}
