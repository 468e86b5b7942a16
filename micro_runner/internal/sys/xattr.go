package sys

import (
	"bytes"
	"syscall"
)

// Xattrs lists the names of the extended attributes of the file at path, which is followed (it is a descriptor's Link).
func Xattrs(path string) ([]string, error) {
	buffer := make([]byte, 1024)
	for {
		n, err := syscall.Listxattr(path, buffer)
		if err == syscall.ERANGE {
			buffer = make([]byte, 64<<10) // XATTR_LIST_MAX
			continue
		}
		if err != nil {
			return nil, err
		}
		var names []string
		for _, name := range bytes.Split(buffer[:n], []byte{0}) {
			if len(name) > 0 {
				names = append(names, string(name))
			}
		}
		return names, nil
	}
}

// Xattr gives the value of one.
func Xattr(path, name string) ([]byte, error) {
	buffer := make([]byte, 1024)
	for {
		n, err := syscall.Getxattr(path, name, buffer)
		if err == syscall.ERANGE {
			buffer = make([]byte, 64<<10) // XATTR_SIZE_MAX
			continue
		}
		if err != nil {
			return nil, err
		}
		return buffer[:n], nil
	}
}
