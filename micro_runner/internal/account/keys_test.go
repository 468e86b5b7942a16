package account

import (
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

// made is a key that is none but looks like one.
func made(kind, what string) string {
	blob := binary.BigEndian.AppendUint32(nil, uint32(len(kind)))
	blob = append(append(blob, kind...), what...)
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

var (
	one   = made("ssh-ed25519", "one")
	two   = made("ssh-rsa", "two")
	three = made("sk-ssh-ed25519@openssh.com", "three")
)

func TestALineIsAKeyByWhatItHolds(t *testing.T) {
	for line, want := range map[string]string{
		one:                                  one,
		one + " ann@laptop  two":             one + " ann@laptop  two",
		"\t" + two + "\tx\r":                 two + " x",
		"no-pty " + three:                    "no-pty " + three,
		`from="10.0.0.0/8, x" ` + one + " c": `from="10.0.0.0/8, x" ` + one + " c",
		`command="say \"hi there\"",no-pty   ` + one: `command="say \"hi there\"",no-pty ` + one,
		one + " c\x00d": one + " c",
		one + "\x00x":   one,
		strings.Replace(one, " AAAA", " AA\vA\fA\r", 1): one,
		"":                                    "",
		"# " + one:                            "",
		"ssh-ed25519":                         "",
		"ssh-ed25519 AAAA":                    "",
		"ssh-rsa " + strings.Fields(one)[1]:   "",
		`from="x ` + one:                      "",
		"-----BEGIN OPENSSH PRIVATE KEY-----": "",
	} {
		k, ok := parse(line)
		if got := k.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q (%v)", line, got, ok)
		}
	}
}

func TestAFileKeepsWhatIsNotMeant(t *testing.T) {
	keys := func(lines ...string) (all []key) {
		for _, line := range lines {
			k, ok := parse(line)
			if !ok {
				t.Fatal(line)
			}
			all = append(all, k)
		}
		return all
	}
	for name, c := range map[string]struct {
		content           string
		wanted            []key
		absent, exclusive bool
		want              string
	}{
		"the first":                   {"", keys(one + " a"), false, false, one + " a\n"},
		"one more":                    {"# mine\n" + two, keys(one), false, false, "# mine\n" + two + "\n" + one + "\n"},
		"with another comment":        {one + " mine\n", keys(one + " yours"), false, false, one + " mine\n"},
		"with other options":          {"no-pty " + one + " mine\n", keys(`from="x" ` + one), false, false, `from="x" ` + one + " mine\n"},
		"with options that are to go": {"no-pty " + one + " mine\n", keys(one), false, false, one + " mine\n"},
		"twice":                       {one + "\n" + two + "\nno-pty " + one + "\n", keys(one), false, false, one + "\n" + two + "\n"},
		"away":                        {one + "\n" + two + "\nno-pty " + one + "\n", keys(one), true, false, two + "\n"},
		"the last away":               {one + "\n", keys(one), true, false, ""},
		"what hides from it away":     {one + "\x00x\n" + two + "\n" + strings.Replace(one, " AAAA", " AA\vAA", 1) + "\n", keys(one), true, false, two + "\n"},
		"none but these":              {"# x\n\n" + one + "\nrubbish\n" + two + "\n", keys(three, one), false, true, "# x\n\n" + one + "\n" + three + "\n"},
		"none at all":                 {one + "\n", nil, false, true, ""},
		"rubbish of others":           {"rubbish\n", keys(one), false, false, "rubbish\n" + one + "\n"},
	} {
		got := edited(c.content, c.wanted, c.absent, c.exclusive)
		if got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
		if again := edited(got, c.wanted, c.absent, c.exclusive); again != got {
			t.Errorf("%s: again %q", name, again)
		}
	}
}

// home is a home of a user of the files, with the harness that knows it.
func home(t *testing.T) (*harness.Harness, string) {
	t.Helper()
	harness.NeedRoot(t)
	h, etc := on(t)
	base := t.TempDir()
	for path := base; path != "/tmp" && path != "/"; path = filepath.Dir(path) {
		_ = os.Chmod(path, 0o755)
	}
	at := base + "/ann"
	must(t, os.Mkdir(at, 0o755))
	must(t, os.Chown(at, 54001, 54001))
	passwd := strings.ReplaceAll(files["passwd"], "/nowhere/ann", at)
	must(t, os.WriteFile(etc+"/passwd", []byte(passwd), 0o644))
	return h, at
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKeyIsPutWhereTheUserWouldHavePutIt(t *testing.T) {
	h, at := home(t)
	item := object{"user": "ann", "keys": []string{"no-pty " + one + " ann@laptop"}}
	before := h.OK("key.stat", item)
	if before["exists"] != false || before["differs"] != true || before["obstacles"] != nil {
		t.Fatal(before)
	}
	if h.OK("key.ensure", item)["changed"] != true || h.OK("key.ensure", item)["changed"] != false {
		t.Error("not once")
	}
	for path, mode := range map[string]os.FileMode{at + "/.ssh": 0o700, at + "/.ssh/authorized_keys": 0o600} {
		stat, err := os.Lstat(path)
		must(t, err)
		if owner := stat.Sys().(*syscall.Stat_t); stat.Mode().Perm() != mode || owner.Uid != 54001 || owner.Gid != 54001 {
			t.Error(path, stat.Mode(), owner.Uid, owner.Gid)
		}
	}
	after := h.OK("key.stat", item)
	if after["differs"] != false || after["path"] != at+"/.ssh/authorized_keys" {
		t.Error(after)
	}
	h.Clean(at)
	must(t, os.Chmod(at+"/.ssh/authorized_keys", 0o666))
	if loose := h.OK("key.stat", item); loose["loose"] != true || loose["differs"] != true {
		t.Error(loose)
	}
	h.OK("key.ensure", item)
	if stat, _ := os.Stat(at + "/.ssh/authorized_keys"); stat.Mode().Perm() != 0o644 {
		t.Error(stat.Mode())
	}
	h.Fails(fault.Conflict, "key.ensure", object{"user": "ann", "keys": []string{two}, "expect": "sha256:0"})
	if listed := h.OK("key.list", object{"user": "ann"})["keys"].([]any); len(listed) != 1 || listed[0].(object)["options"] != "no-pty" || listed[0].(object)["key"] != one+" ann@laptop" {
		t.Error(listed)
	}
	for _, name := range []string{"none", "open"} {
		if listed := h.OK("key.list", object{"user": name})["keys"].([]any); len(listed) != 0 {
			t.Error(listed)
		}
	}
	only := object{"user": "ann", "keys": []string{two}, "exclusive": true}
	told := h.OK("key.stat", only)
	if others := told["others"].([]any); len(others) != 1 || !strings.HasSuffix(others[0].(string), " ann@laptop") || strings.Contains(others[0].(string), "AAAA") {
		t.Error(told)
	}
	h.OK("key.ensure", only)
	h.OK("key.ensure", object{"user": "ann", "keys": []string{two}, "absent": true})
	if content, err := os.ReadFile(at + "/.ssh/authorized_keys"); len(content) != 0 || err != nil {
		t.Errorf("%q %v", content, err)
	}
	h.Fails(fault.UnknownOwner, "key.ensure", object{"user": "none", "keys": []string{two}})
	if codes(h.OK("key.stat", object{"user": "none", "keys": []string{two}})) != "unknown_owner user:none" {
		t.Error("no user")
	}
	h.Fails(fault.BadRequest, "key.stat", object{"user": "ann", "keys": []string{"-----BEGIN"}})
	if codes(h.OK("key.stat", object{"user": "open", "keys": []string{two}})) != "enoent user:open" {
		t.Error("no home")
	}
}

// Whatever a user puts in the way, nothing is written that the user could not write, nothing told that is not a key, and no link followed.
func TestNothingThatAUserPutsInTheWayLeadsElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		trap func(t *testing.T, at, victim string)
		code fault.Code
	}{
		"a link for the directory": {func(t *testing.T, at, victim string) { must(t, os.Symlink(filepath.Dir(victim), at+"/.ssh")) }, fault.NotTheirs},
		"a link for the file": {func(t *testing.T, at, victim string) {
			must(t, os.Mkdir(at+"/.ssh", 0o700))
			must(t, os.Symlink(victim, at+"/.ssh/authorized_keys"))
			must(t, os.Chown(at+"/.ssh", 54001, 54001))
		}, fault.NotTheirs},
		"a directory of somebody else": {func(t *testing.T, at, _ string) {
			must(t, os.Mkdir(at+"/.ssh", 0o777))
			must(t, os.Chown(at+"/.ssh", 54002, 54002))
		}, fault.NotTheirs},
		"a hard link of what is root's": {func(t *testing.T, at, victim string) {
			must(t, os.Mkdir(at+"/.ssh", 0o700))
			must(t, os.Link(victim, at+"/.ssh/authorized_keys"))
			must(t, os.Chown(at+"/.ssh", 54001, 54001))
		}, fault.Access},
		"a pipe": {func(t *testing.T, at, _ string) {
			must(t, os.Mkdir(at+"/.ssh", 0o700))
			must(t, syscall.Mkfifo(at+"/.ssh/authorized_keys", 0o666))
			must(t, os.Chown(at+"/.ssh", 54001, 54001))
		}, fault.WrongType},
		"a directory that is root's alone": {func(t *testing.T, at, _ string) { must(t, os.Mkdir(at+"/.ssh", 0o700)) }, fault.Access},
		"no home":                          {func(t *testing.T, at, _ string) { must(t, os.Remove(at)) }, fault.NotFound},
		"somebody else's home":             {func(t *testing.T, at, _ string) { must(t, os.Chown(at, 54002, 54002)) }, fault.NotTheirs},
		"too much": {func(t *testing.T, at, _ string) {
			must(t, os.Mkdir(at+"/.ssh", 0o755))
			must(t, os.WriteFile(at+"/.ssh/authorized_keys", make([]byte, maxKeys+1), 0o644))
		}, fault.NotTheirs},
	} {
		t.Run(name, func(t *testing.T) {
			h, at := home(t)
			victim := filepath.Dir(at) + "/authorized_keys"
			must(t, os.WriteFile(victim, []byte("secret\n"), 0o600))
			c.trap(t, at, victim)
			item := object{"user": "ann", "keys": []string{one}, "exclusive": true}
			told := h.OK("key.stat", item)
			if got := codes(told); !strings.HasPrefix(got, string(c.code)+" path:"+at+"/.ssh") {
				t.Error(told)
			}
			h.Fails(c.code, "key.ensure", item)
			if content, _ := os.ReadFile(victim); string(content) != "secret\n" {
				t.Errorf("%q", content)
			}
		})
	}
}

// Who has become a user for a moment is root again for whatever follows.
func TestOneThreadAloneBecomesTheUser(t *testing.T) {
	harness.NeedRoot(t)
	for range 50 {
		var uid int
		must(t, as(&user{name: "ann", uid: 54001, gid: 54001}, []uint32{54010}, func() error {
			file, err := os.CreateTemp("/tmp", "froyo-as-")
			if err != nil {
				return err
			}
			defer os.Remove(file.Name())
			stat, err := file.Stat()
			uid = int(stat.Sys().(*syscall.Stat_t).Uid)
			return err
		}))
		if uid != 54001 {
			t.Fatal(uid)
		}
		file, err := os.CreateTemp(t.TempDir(), "")
		must(t, err)
		if stat, _ := file.Stat(); stat.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Fatal("it stays the user")
		}
		file.Close()
	}
}
