package facts

import (
	"slices"
	"strconv"
	"strings"

	"froyo.dev/runner/internal/wire"
)

// maxMembers bounds the members of one group, and the groups of one user.
const maxMembers = 200

// account is a line of passwd(5).
type account struct {
	name, comment, home, shell string
	uid, gid                   int64
}

// membership is a line of group(5).
type membership struct {
	name    string
	gid     int64
	members []string
}

// records are the lines of a database that are entries of its own: not of a directory service, and with a name.
func records(content string, fields int) [][]string {
	var found [][]string
	for line := range strings.SplitSeq(content, "\n") {
		record := strings.Split(line, ":")
		if len(record) >= fields && record[0] != "" && !strings.ContainsRune("+-#", rune(record[0][0])) {
			found = append(found, record)
		}
	}
	return found
}

func readGroups(m *machine) []membership {
	var found []membership
	seen := map[string]bool{}
	for _, record := range records(m.content("/etc/group"), 4) {
		gid, err := strconv.ParseUint(record[2], 10, 32)
		if _, twice := seen[record[0]]; err != nil || twice {
			continue // of two that have one name the first counts
		}
		seen[record[0]] = true
		members := slices.DeleteFunc(strings.Split(record[3], ","), func(name string) bool { return name == "" })
		found = append(found, membership{record[0], int64(gid), members})
	}
	return found
}

func groups(m *machine) wire.Object {
	found := m.table()
	for _, one := range readGroups(m) {
		members := one.members[:min(len(one.members), maxMembers)]
		if !found.put(one.name, wire.Object{wire.F("gid", one.gid), wire.F("members", texts(members))}) {
			break
		}
	}
	return found.entries
}

func users(m *machine) wire.Object {
	names, member := map[int64]string{}, map[string][]string{}
	for _, one := range readGroups(m) {
		if _, there := names[one.gid]; !there {
			names[one.gid] = one.name
		}
		for _, user := range one.members {
			member[user] = append(member[user], one.name)
		}
	}
	found := m.table()
	for _, record := range records(m.content("/etc/passwd"), 7) {
		uid, err := strconv.ParseUint(record[2], 10, 32)
		gid, err2 := strconv.ParseUint(record[3], 10, 32)
		if _, twice := found.seen[record[0]]; err != nil || err2 != nil || twice {
			continue
		}
		one := account{name: record[0], uid: int64(uid), gid: int64(gid), comment: record[4], home: record[5], shell: record[6]}
		own := member[one.name]
		if primary := names[one.gid]; primary != "" {
			own = append([]string{primary}, slices.DeleteFunc(slices.Clone(own), func(name string) bool { return name == primary })...)
		}
		entry := wire.Object{
			wire.F("uid", one.uid), wire.F("gid", one.gid), wire.F("groups", texts(own[:min(len(own), maxMembers)])),
			wire.F("home", bounded(one.home)), wire.F("shell", bounded(one.shell)), wire.F("comment", bounded(one.comment)),
		}
		if !found.put(one.name, entry) {
			break
		}
	}
	return found.entries
}
