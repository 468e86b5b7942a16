package units

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// removed is what the kernel puts behind the name of a file that is there no more, or has given way to another one.
	removed = " (deleted)"
	// mostReplaced is how many of them are told of.
	mostReplaced = 5
)

// installed is where programs and libraries come from packages.
var installed = []string{"/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/opt/"}

// replaced are the programs and libraries that a process runs and that are not those on the disk any more: the first few, by name.
func replaced(proc string, pid uint64) []string {
	directory := filepath.Join(proc, strconv.FormatUint(pid, 10))
	found := map[string]bool{}
	if program, err := os.Readlink(filepath.Join(directory, "exe")); err == nil {
		note(found, program)
	}
	maps, err := os.Open(filepath.Join(directory, "maps"))
	if err == nil {
		defer maps.Close()
		for lines := bufio.NewScanner(maps); lines.Scan(); {
			// address, permissions, offset, device, inode, name
			if fields := strings.SplitN(lines.Text(), " ", 6); len(fields) == 6 && strings.Contains(fields[1], "x") {
				note(found, strings.TrimLeft(fields[5], " "))
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), mostReplaced)]
}

func note(found map[string]bool, name string) {
	name, gone := strings.CutSuffix(name, removed)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".dpkg-tmp"), ".dpkg-new")
	if gone && slices.ContainsFunc(installed, func(place string) bool { return strings.HasPrefix(name, place) }) {
		found[name] = true
	}
}
