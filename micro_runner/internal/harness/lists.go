package harness

import (
	"encoding/binary"
	"syscall"
	"testing"
)

// Games is the user whom every List names.
const Games = 5

// List is an access control list that names the user games, beside the bits of a mode.
func List(owner, games, group, mask, other byte) []byte {
	const anybody = ^uint32(0)
	b := []byte{2, 0, 0, 0}
	add := func(tag uint16, bits byte, id uint32) {
		b = binary.LittleEndian.AppendUint16(b, tag)
		b = binary.LittleEndian.AppendUint16(b, uint16(bits))
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	add(0x01, owner, anybody)
	add(0x02, games, Games)
	add(0x04, group, anybody)
	add(0x10, mask, anybody)
	add(0x20, other, anybody)
	return b
}

// SetAttribute sets an extended attribute, and skips the test where that cannot be done.
func SetAttribute(t testing.TB, path, name string, value []byte) {
	t.Helper()
	if err := syscall.Setxattr(path, name, value, 0); err != nil {
		t.Skipf("%s: %v", name, err)
	}
}

// Attribute is the value of an extended attribute; "" when there is none.
func Attribute(path, name string) string {
	value := make([]byte, 1000)
	n, err := syscall.Getxattr(path, name, value)
	if err != nil {
		return ""
	}
	return string(value[:n])
}
