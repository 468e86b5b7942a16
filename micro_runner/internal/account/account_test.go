package account

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

type object = harness.Object

const canary = "$6$salt$abcdefghijklmnopqrstuvwxyz"

var files = map[string]string{
	"passwd": "root:x:0:0:root:/root:/bin/sh\n# a remark\n+ldap\nann:x:54001:54001:Ann:/nowhere/ann:/bin/sh\nann:x:9:9::/:/bin/false\nbroken:x:no:1::/:/bin/sh\n" +
		"old:" + canary + ":54002:54009::/:/bin/sh\nopen::54003:54001::/:/bin/sh\n",
	"group":      "root:x:0:\nann:x:54001:\nweb:x:54010:ann,old\nadm:x:54011:ann\nbad:x:y:ann\n",
	"shadow":     "root:*:1:0:9:7:::\nann:!" + canary + ":1:0:9:7::22313:\nopen::1:0:9:7:::\n",
	"login.defs": "# x\nUMASK 027\nHOME_MODE 0750\n",
}

func on(t *testing.T) (*harness.Harness, string) {
	t.Helper()
	etc := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return harness.New(t, func(host *command.Host) []command.Command { return commandsAt(host, etc) }), etc
}

func codes(reply object) string {
	var all []string
	found, _ := reply["obstacles"].([]any)
	for _, one := range found {
		obstacle := one.(object)
		text := obstacle["code"].(string)
		for _, subject := range obstacle["subjects"].([]any) {
			text += " " + subject.(string)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestAUserIsWhatTheFilesSay(t *testing.T) {
	h, _ := on(t)
	ann := h.OK("user.stat", object{"user": "ann"})
	delete(ann, "state")
	groups, _ := ann["groups"].([]any)
	if len(groups) != 2 || groups[0] != "adm" || groups[1] != "web" {
		t.Error(groups)
	}
	for key, value := range map[string]any{
		"exists": true, "group": "ann", "comment": "Ann", "home": "/nowhere/ann", "shell": "/bin/sh", "password": "set", "locked": true, "expires": "2031-02-03",
	} {
		if ann[key] != value {
			t.Errorf("%s is %v", key, ann[key])
		}
	}
	for user, password := range map[string]string{"root": "none", "open": "empty", "old": "set"} {
		if got := h.OK("user.stat", object{"user": user})["password"]; got != password {
			t.Errorf("%s: %v", user, got)
		}
	}
	if got := h.OK("user.stat", object{"user": "old"})["group"]; got != "54009" {
		t.Error(got)
	}
	if got := h.OK("user.stat", object{"user": "broken"}); got["exists"] != false {
		t.Error(got)
	}
	if got := h.OK("group.stat", object{"group": "web"}); got["gid"] != int64(54010) && got["gid"] != 54010 && got["gid"] != 54010.0 {
		t.Errorf("%v %T", got, got["gid"])
	}
}

// Of the hash nothing is told but whether it is the wanted one.
func TestAPasswordIsComparedAndNotTold(t *testing.T) {
	h, _ := on(t)
	for _, wanted := range []string{canary, canary + "\n"} {
		reply := h.OK("user.stat", object{"user": "ann", "wanted": object{"blob": digest.Of([]byte(wanted)).String()}})
		if reply["password"] != "wanted" || reply["obstacles"] != nil {
			t.Error(reply)
		}
	}
	reply := h.OK("user.stat", object{"user": "ann", "wanted": object{"blob": digest.Of([]byte("other")).String()}})
	if reply["password"] != "set" {
		t.Error(reply)
	}
}

func TestWhatIsInTheWayIsNamed(t *testing.T) {
	harness.NeedRoot(t)
	for _, program := range []string{"useradd", "usermod", "userdel", "groupadd"} {
		if _, err := os.Stat("/usr/sbin/" + program); err != nil {
			t.Skip(err)
		}
	}
	h, _ := on(t)
	for _, c := range []struct {
		call, name string
		wanted     object
		want       string
	}{
		{"user", "ann", object{"uid": 54001, "shell": "/bin/sh", "groups": []string{"web"}}, ""},
		{"user", "ann", object{"uid": 54002}, "taken user:old"},
		{"user", "new", object{"uid": 54002}, "taken user:old"},
		{"user", "new", object{"uid": 54077}, ""},
		{"user", "root", object{"uid": 54077}, "protected"},
		{"user", "new", object{"groups": []string{"none"}, "group": "nix"}, "unknown_owner group:nix, unknown_owner group:none"},
		{"user", "new", object{"group": "54010"}, ""},
		{"user", "new", object{"shell": "/nowhere/sh"}, "enoent path:/nowhere/sh"},
		{"user", "root", object{"absent": true}, "protected"},
		{"user", "none", object{"absent": true}, ""},
		{"user", "ann", object{"absent": true}, ""},
		{"group", "web", object{"gid": 54010}, ""},
		{"group", "web", object{"gid": 54011}, "taken group:adm"},
		{"group", "new", object{"gid": 54011}, "taken group:adm"},
		{"group", "root", object{"gid": 54077}, "protected"},
		{"group", "root", object{"absent": true}, "protected, taken user:root"},
		{"group", "ann", object{"absent": true}, "taken user:ann"},
		{"group", "web", object{"absent": true}, ""},
		{"group", "none", object{"absent": true}, ""},
		// What only the name service of this machine knows, as far as that has more than the files on trial.
		{"user", "daemon", object{}, "not_local user:daemon"},
		{"group", "daemon", object{}, "not_local group:daemon"},
		{"user", "new", object{"uid": 1}, "taken user:daemon"},
		{"group", "new", object{"gid": 1}, "taken group:daemon"},
	} {
		if got := codes(h.OK(c.call+".stat", object{c.call: c.name, "wanted": c.wanted})); got != c.want {
			t.Errorf("%s %s %v: %s, not %s", c.call, c.name, c.wanted, got, c.want)
		}
	}
	t.Setenv("SUDO_USER", "ann")
	if got := codes(h.OK("user.stat", object{"user": "ann", "wanted": object{"absent": true}})); got != "protected" {
		t.Error(got)
	}
}

func TestWhatCannotBeTheNameOrTheFieldOfAnAccountIsRefused(t *testing.T) {
	h, _ := on(t)
	for _, item := range []object{
		{"user": "-r"}, {"user": ""}, {"user": "a:b"}, {"user": ".."}, {"user": "a b"},
		{"user": "ann", "wanted": object{"shell": "/bin/sh:x"}}, {"user": "ann", "wanted": object{"comment": "a\nroot::0:0::/:/bin/sh"}},
		{"user": "ann", "wanted": object{"groups": []string{"-a"}}}, {"user": "ann", "wanted": object{"expires": "soon"}},
	} {
		h.Fails(fault.BadRequest, "user.stat", item)
	}
	h.Fails(fault.BadRequest, "group.stat", object{"group": "-r"})
	for _, name := range []string{"user.ensure", "user.remove"} {
		h.Fails(fault.BadRequest, name, object{"user": "-r"})
	}
	for _, name := range []string{"group.ensure", "group.remove"} {
		h.Fails(fault.BadRequest, name, object{"group": "-r"})
	}
}

// What has moved since it was planned is left alone, and so is what is right by now: no program runs for either.
func TestNothingRunsWhereNothingDiffersOrSomethingElseIsThere(t *testing.T) {
	h, _ := on(t)
	for _, name := range []string{"user", "group"} {
		h.Fails(fault.Conflict, name+".ensure", object{name: "web", "expect": "sha256:0"})
		h.Fails(fault.Conflict, name+".remove", object{name: "ann", "expect": "sha256:0"})
		if h.OK(name+".ensure", object{name: "ann"})["changed"] != false || h.OK(name+".remove", object{name: "none"})["changed"] != false {
			t.Error(name)
		}
	}
	body := h.Send("hunter2\n")
	if why := h.Fails(fault.BadRequest, "user.ensure", object{"user": "ann", "blob": body}); strings.Contains(why, "hunter2") {
		t.Error(why)
	}
}

func TestCommandLinesAreWhatIsDeclaredAndNothingElse(t *testing.T) {
	_, etc := on(t)
	db, err := load(etc)
	if err != nil {
		t.Fatal(err)
	}
	all := &wantedUser{
		uid: 7, group: "54010", groups: []string{"adm"}, listed: true, exact: true, system: true, home: "/srv/x", createHome: true, moveHome: true,
		shell: "/bin/zsh", comment: "-r", commented: true, expires: "2031-01-01",
	}
	if got, want := strings.Join(all.creation(db, "new"), " "), "useradd -r -u 7 -g web -G adm -d /srv/x -m -s /bin/zsh -c -r -e 2031-01-01"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	ann := db.user("ann")
	if got, want := strings.Join(all.modification(db, ann), " "), "usermod -u 7 -g web -G adm -d /srv/x -s /bin/zsh -c -r -e 2031-01-01"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	some := &wantedUser{uid: command.Keep, groups: []string{"adm", "root"}, listed: true, expires: never, lockSaid: true}
	if got, want := strings.Join(some.modification(db, ann), "|"), "usermod|-a|-G|adm,root|-e||-U"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if got, want := strings.Join((&wantedUser{uid: command.Keep}).creation(db, "ann"), " "), "useradd -g ann -M"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	nothing := &wantedUser{uid: command.Keep, groups: []string{"web", "ann", "adm"}, listed: true, exact: true, locked: true, lockSaid: true}
	if got := nothing.modification(db, ann); len(got) != 1 {
		t.Error(got)
	}
}

func TestWhoeverHoldsTheLockIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if lockHolder(path) != "" {
		t.Error("nobody can hold what is not there")
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	// One's own lock is in nobody's way.
	if got := lockHolder(path); got != "" {
		t.Error(got)
	}
}

func TestAHomeIsMadeWithWhatAnyNewOneHas(t *testing.T) {
	harness.NeedRoot(t)
	_, etc := on(t)
	base := t.TempDir()
	for path := base; path != "/"; path = filepath.Dir(path) {
		if stat, err := os.Stat(path); err == nil && stat.Mode()&0o022 != 0 && stat.Mode()&os.ModeSticky == 0 {
			t.Skip(path)
		}
	}
	u := &user{name: "ann", uid: 54001, gid: 54001, place: base + "/ann"}
	if err := makeHome(u, etc); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(u.place)
	if err != nil || stat.Mode().Perm() != 0o750 || stat.Sys().(*syscall.Stat_t).Uid != u.uid {
		t.Error(stat, err)
	}
	if left, _ := os.ReadDir(base); len(left) != 1 {
		t.Error(left)
	}
	// Whoever is killed meanwhile leaves nothing at the place of the home, where half of one would be taken for it.
	half := base + "/.froyo-home-54001"
	if err := os.MkdirAll(half+"/d", 0o700); err != nil {
		t.Fatal(err)
	}
	u.place = base + "/ann2"
	if err := makeHome(u, etc); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(u.place + "/d"); err == nil {
		t.Error("what somebody else had begun is in it")
	}
	// What has come to be there meanwhile stays, and nothing is left beside it.
	if err := makeHome(u, etc); err == nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(base); len(left) != 2 {
		t.Error(left)
	}
	if homeMode(t.TempDir()) != 0o700 {
		t.Error("without login.defs")
	}
	skeleton, home := t.TempDir(), t.TempDir()
	_ = os.Mkdir(skeleton+"/d", 0o750)
	_ = os.WriteFile(skeleton+"/d/f", []byte("x"), 0o640)
	_ = os.Symlink("d/f", skeleton+"/l")
	socket, err := net.Listen("unix", skeleton+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := fill(skeleton, home, u); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(home + "/l")
	entries, _ := os.ReadDir(home)
	if string(content) != "x" || err != nil || len(entries) != 2 {
		t.Error(content, err, entries)
	}
	if err := os.Chmod(base, 0o777); err != nil {
		t.Fatal(err)
	}
	u.place = base + "/other"
	if err := makeHome(u, etc); err == nil || fault.From(err, "").Code != fault.NotTheirs {
		t.Error(err)
	}
}
