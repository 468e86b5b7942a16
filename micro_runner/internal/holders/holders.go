// Package holders finds out who has a port that a journal says is in use.
//
// It is a best effort, of what a person would do with ss(8): a line that names no port, a port of another network namespace, or a process
// that ends meanwhile is not told of. Nothing waits for a process.
package holders

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/evidence"
	"froyo.dev/runner/internal/owner"
)

const (
	mostPorts = 3
	searching = time.Second
	looking   = 100 * time.Millisecond
	listens   = "0A" // the state of a socket of TCP that is listened at, as /proc/net has it
	unbound   = "07" // that of one of UDP that has no peer
)

var (
	inUse = regexp.MustCompile(`(?i)address (?:is )?already in use|address in use|EADDRINUSE|connection in use|port is already allocated|port \d+ (?:is|was) (?:already )?in use|already .*running on port`)
	port  = regexp.MustCompile(`(?i)(?::|\bport[ =:]{1,2}|['"], ?)(\d{1,5})\b`) // the third as Python writes an address: ('0.0.0.0', 8000)
	// What would look like ports: a time, and a line of a program.
	other = regexp.MustCompile(`\b\d{1,2}:\d{2}:\d{2}\b|[\w-]\.(?:go|py|[cm]?js|ts|rb|rs|c|cc|cpp|java|php|pl|ex|erl|lua|kt|scala|cs):\d+(?::\d+)?\b`)
)

// Told says who has the ports of which some lines say that they are in use; "" where that is not known.
func Told(ctx context.Context, lines string, names *owner.Names) string {
	ports := portsIn(lines)
	if len(ports) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, searching)
	defer cancel()
	finder := evidence.NewFinder(names, func() func() { return func() {} })
	defer finder.Close()
	var told []string
	for _, number := range ports {
		pid := holderOf(ctx, "/proc", number)
		if pid == 0 {
			continue
		}
		by := finder.Lookup(pid, looking)
		what := "a process"
		if by.Command != "" {
			what = "`" + by.Command + "`"
		}
		about := fmt.Sprintf("pid %d", pid)
		for _, one := range []string{by.User, by.Unit} {
			if one != "" {
				about += ", " + one
			}
		}
		told = append(told, fmt.Sprintf("port %d is held by %s (%s)", number, what, about))
	}
	return strings.Join(told, "; ")
}

// portsIn are the first few ports that lines about addresses in use name.
func portsIn(lines string) []int {
	var ports []int
	for line := range strings.SplitSeq(lines, "\n") {
		if !inUse.MatchString(line) {
			continue
		}
		for _, found := range port.FindAllStringSubmatch(other.ReplaceAllString(line, ""), -1) {
			number, _ := strconv.Atoi(found[1])
			if number > 0 && number < 1<<16 && !slices.Contains(ports, number) && len(ports) < mostPorts {
				ports = append(ports, number)
			}
		}
	}
	return ports
}

// holderOf is the process with the lowest number that has a port; 0 where there is none to be seen.
func holderOf(ctx context.Context, proc string, number int) int {
	wanted := map[string]bool{}
	for _, table := range []struct{ name, state string }{{"tcp", listens}, {"tcp6", listens}, {"udp", unbound}, {"udp6", unbound}} {
		for _, inode := range sockets(filepath.Join(proc, "net", table.name), number, table.state) {
			wanted["socket:["+inode+"]"] = true
		}
	}
	if len(wanted) == 0 {
		return 0
	}
	entries, _ := os.ReadDir(proc)
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	for _, pid := range pids {
		if pid == 1 && len(pids) > 1 { // which keeps sockets for others, and names them in its own journal
			continue
		}
		if ctx.Err() != nil {
			return 0
		}
		directory := filepath.Join(proc, strconv.Itoa(pid), "fd")
		descriptors, _ := os.ReadDir(directory)
		for _, one := range descriptors {
			if to, err := os.Readlink(filepath.Join(directory, one.Name())); err == nil && wanted[to] {
				return pid
			}
		}
	}
	return 0
}

// sockets are the inodes of those at a port, in a table of the kernel's.
func sockets(table string, number int, state string) []string {
	file, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer file.Close()
	var inodes []string
	at := fmt.Sprintf(":%04X", number)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], at) && fields[3] == state {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}
