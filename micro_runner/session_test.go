package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/harness"
)

func TestReadySaysWhatTheRunnerIs(t *testing.T) {
	c := start(t)
	want := object{
		"type": "READY", "protocol": 1.0, "version": "0.0.0-test", "os": "linux",
		"pid": float64(c.cmd.Process.Pid), "uid": float64(os.Geteuid()),
	}
	for key, value := range want {
		if c.ready[key] != value {
			t.Errorf("%s is %v, want %v", key, c.ready[key], value)
		}
	}
	var names []any
	for name := range documented(t) {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	if got := c.ready["commands"]; !reflect.DeepEqual(got, names) {
		t.Errorf("it offers %v, protocol.md has %v", got, names)
	}
	facts := c.ok("facts", object{"only": []string{"boot", "cpu"}})["facts"].(object)
	if facts["boot"].(object)["id"] != c.ready["boot_id"] || facts["cpu"].(object)["arch"] != c.ready["arch"] || len(facts) != 2 {
		t.Error(facts)
	}
}

// description is what protocol.md says of a command behind its name.
type description struct {
	kind string
	// about are templates of the subjects that its arguments name, such as path:{path}.
	about []string
	lasts bool
}

// documented are the commands of protocol.md.
func documented(t *testing.T) map[string]description {
	t.Helper()
	protocol, err := os.ReadFile("protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]description{}
	for _, heading := range regexp.MustCompile(`(?m)^### ([a-z., ]+) — (.*)$`).FindAllStringSubmatch(string(protocol), -1) {
		kind, clauses, _ := strings.Cut(heading[2], "; ")
		said := description{kind: kind, lasts: strings.HasSuffix(clauses, "lasts")}
		for _, template := range regexp.MustCompile("`([a-z]+:[^`]*)`").FindAllStringSubmatch(clauses, -1) {
			said.about = append(said.about, template[1])
		}
		for _, name := range strings.Split(heading[1], ", ") {
			found[name] = said
		}
	}
	return found
}

func TestEachCommandIsWhatTheProtocolSaysOfIt(t *testing.T) {
	says := documented(t)
	for _, c := range commands(harness.NewHost()) {
		said := says[c.Name]
		if writes := said.kind == "writing"; c.Writes != writes {
			t.Errorf("%s is %s, and Writes is %v", c.Name, said.kind, c.Writes)
		}
		if replays := said.kind == "reading"; c.Replays != replays {
			t.Errorf("%s is %s, and Replays is %v", c.Name, said.kind, c.Replays)
		}
		if c.Lasts != said.lasts {
			t.Errorf("%s lasts: %v, and Lasts is %v", c.Name, said.lasts, c.Lasts)
		}
		var about []string
		for _, names := range c.Names {
			template := names.Scheme + ":{" + names.Argument + "}"
			about = append(about, template)
			if names.Suffix != "" {
				about = append(about, template+"{"+names.Suffix+"}")
			}
		}
		if !slices.Equal(about, said.about) {
			t.Errorf("%s is about %v, and Names says %v", c.Name, said.about, about)
		}
	}
}

// copied gives a copy of the binary in a private directory of its own.
func copied(t *testing.T, name string, change func([]byte) []byte) string {
	t.Helper()
	content, err := os.ReadFile(built.path)
	if err != nil {
		t.Fatal(err)
	}
	directory := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "runner")
	if err := os.WriteFile(path, change(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func same(content []byte) []byte { return content }

func tampered(content []byte) []byte {
	at := bytes.Index(content, []byte("0.0.0-test"))
	changed := slices.Clone(content)
	changed[at] = '1'
	return changed
}

func TestATamperedRunnerRefusesToServe(t *testing.T) {
	path := copied(t, "froyo-x", tampered)
	content, _ := os.ReadFile(path)
	digest := sha256.Sum256(content)
	own := hex.EncodeToString(digest[:])
	strangers, err := ecdsa.GenerateKey(built.key.Curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ecdsa.SignASN1(rand.Reader, strangers, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, arguments := range map[string][]string{
		"another content than was named":  {"--sha256", built.sha256, "--signature", built.signature},
		"another content than was signed": {"--sha256", own, "--signature", built.signature},
		"a signature of a stranger":       {"--sha256", own, "--signature", base64.StdEncoding.EncodeToString(signed)},
		"no signature":                    {"--sha256", own},
		"nothing":                         {},
	} {
		t.Run(name, func(t *testing.T) {
			c := launch(t, exec.Command(path, append([]string{"serve"}, arguments...)...))
			if reason, status := c.ended(); reason != "tampered" || status != 70 {
				t.Fatal(reason, status)
			}
		})
	}
	c := launch(t, exec.Command(path, "serve", "--unlink", "--sha256", own, "--signature", built.signature))
	if reason, _ := c.ended(); reason != "tampered" {
		t.Fatal(reason)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Fatal("it was left on the disk")
	}
}

func TestARunnerRemovesItself(t *testing.T) {
	for name, gone := range map[string]bool{"froyo-abc": true, ".froyo-abc": true, "home": false} {
		path := copied(t, name, same)
		c := launch(t, exec.Command(path, "serve", "--unlink", "--sha256", built.sha256, "--signature", built.signature))
		<-c.events[0]
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the executable is still there", name)
		}
		if _, err := os.Stat(filepath.Dir(path)); os.IsNotExist(err) != gone {
			t.Errorf("%s: the directory: %v", name, err)
		}
		c.ok("facts", object{})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, arguments := range [][]string{
		{}, {"help"}, {"serve", "--nonsense"}, {"serve", "x"}, {"serve", "--ttl", "0s"}, {"serve", "--ttl", "soon"}, {"serve", "--become", "su"},
	} {
		command := exec.Command(built.path, arguments...)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		err := command.Run()
		var status *exec.ExitError
		if !errors.As(err, &status) || status.ExitCode() != 64 || stderr.Len() == 0 {
			t.Errorf("%v: %v %s", arguments, err, &stderr)
		}
	}
	if out, err := exec.Command(built.path, "version").Output(); err != nil || string(out) != "0.0.0-test\n" {
		t.Errorf("%q %v", out, err)
	}
}

func TestEndsOfASession(t *testing.T) {
	cases := map[string]struct {
		end    func(c *client)
		reason string
		status int
	}{
		"end of input":   {func(c *client) { _ = c.in.Close() }, "eof", 0},
		"EXIT":           {func(c *client) { c.frame(object{"type": "EXIT"}) }, "exit", 0},
		"SIGTERM":        {func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGTERM) }, "signal", 4},
		"SIGHUP":         {func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGHUP) }, "signal", 4},
		"SIGINT":         {func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGINT) }, "signal", 4},
		"broken frame":   {func(c *client) { c.raw("hello") }, "protocol", 65},
		"half a frame":   {func(c *client) { fmt.Fprint(c.in, `{"type":`); _ = c.in.Close() }, "eof", 0},
		"time to live":   {func(c *client) { c.frame(object{"type": "RENEW", "ttl_ms": 1}) }, "ttl", 3},
		"ids going back": {func(c *client) { c.begin("facts", nil, nil); c.lastID = 0; c.begin("facts", nil, nil) }, "protocol", 65},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			end.end(c)
			if reason, status := c.ended(); reason != end.reason || status != end.status {
				t.Fatal(reason, status)
			}
		})
	}
}

func TestASessionEndsWithItsTimeToLiveAlthoughNobodyReads(t *testing.T) {
	command := exec.Command(built.path, "serve", "--sha256", built.sha256, "--signature", built.signature, "--ttl", "500ms")
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe() // which nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for id := range 300 { // replies that fill the pipe
		fmt.Fprintf(in, `{"type":"CMD","id":%d,"command":"facts","items":[{},{},{},{}]}`+"\n", id+1)
	}
	_ = command.Wait()
	if status := command.ProcessState.ExitCode(); status != 3 {
		t.Fatal(status)
	}
}

func TestCommandsThatFailAsAWhole(t *testing.T) {
	c := start(t)
	failure := func(id int) object {
		t.Helper()
		answer := c.answer(id)
		if answer["type"] != "ERROR" {
			t.Fatal(answer)
		}
		return answer["error"].(object)
	}
	if got := failure(c.begin("no.such", nil, nil)); got["code"] != "unknown_command" || got["class"] != "permanent" {
		t.Error(got)
	}
	sleep := []object{{"argv": []string{"sleep", "1000"}}}
	if got := failure(c.begin("exec", sleep, object{"deadline_ms": 50})); got["code"] != "deadline" || got["class"] != "transient" {
		t.Error(got)
	}
	id := c.begin("exec", sleep, nil)
	c.frame(object{"type": "CANCEL", "id": id})
	if got := failure(id); got["code"] != "cancelled" {
		t.Error(got)
	}
	c.frame(object{"type": "CANCEL", "id": id}) // it is over already
	c.frame(object{"type": "HEARTBEAT"})
	yes := object{"argv": []string{"head", "-c", "4000000", "/dev/zero"}, "max_output": 4000000}
	if got := failure(c.begin("exec", []object{yes, yes, yes, yes}, nil)); got["code"] != "reply_too_large" {
		t.Error(got)
	}
}

// alive says whether a process is still there, and not only waiting to be waited for.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestNoProcessIsLeft(t *testing.T) {
	for name, end := range map[string]func(*client){
		"end of input": func(c *client) { _ = c.in.Close() },
		"SIGTERM":      func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGKILL":      func(c *client) { _ = c.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			file := filepath.Join(t.TempDir(), "pid")
			c.begin("exec", []object{{"argv": []string{"sh", "-c", "trap '' TERM; echo $$ >" + file + ".new; mv " + file + ".new " + file + "; while :; do sleep 0.1; done"}}}, nil)
			until(t, "the program has started", func() bool { _, err := os.Stat(file); return err == nil })
			pid := strings.TrimSpace(content(t, file))
			end(c)
			c.ended()
			until(t, "the program has ended", func() bool { return !alive(pid) })
		})
	}
}

func TestNoTemporaryFileIsLeft(t *testing.T) {
	for name, end := range map[string]func(*client){
		"end of input": func(c *client) { _ = c.in.Close() },
		"SIGTERM":      func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":       func(c *client) { _ = c.cmd.Process.Signal(syscall.SIGHUP) },
		"EXIT":         func(c *client) { c.frame(object{"type": "EXIT"}) },
		"TTL":          func(c *client) { c.frame(object{"type": "RENEW", "ttl_ms": 1}) },
		"CANCEL": func(c *client) {
			c.frame(object{"type": "CANCEL", "id": c.lastID})
			c.answer(c.lastID)
			_ = c.in.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			directory := diskDir(t)
			c.begin("file.write", []object{{"path": filepath.Join(directory, "file"), "blob": c.send([]byte("new")), "validate": []string{"sh", "-c", "sleep 1000", "%s"}}}, nil)
			until(t, "the draft has a name", func() bool { return len(temporaries(t, directory)) > 0 })
			end(c)
			c.ended()
			if left := temporaries(t, directory); left != nil {
				t.Fatal(left)
			}
			if _, err := os.Stat(filepath.Join(directory, "file")); !os.IsNotExist(err) {
				t.Fatal("the new content went live without having been validated")
			}
		})
	}
}

func TestWhatAKilledRunnerLeftIsRemovedByTheNext(t *testing.T) {
	directory := diskDir(t)
	path := filepath.Join(directory, "file")
	validate := []string{"sh", "-c", "sleep 1000", "%s"}
	first := start(t)
	first.begin("file.write", []object{{"path": path, "blob": first.send([]byte("new")), "validate": validate}}, nil)
	until(t, "the draft has a name", func() bool { return len(temporaries(t, directory)) > 0 })

	living := start(t)
	living.ok("file.write", object{"path": path, "blob": living.send([]byte("other"))})
	if len(temporaries(t, directory)) != 1 {
		t.Fatal("the draft of a living runner was removed")
	}
	_ = first.cmd.Process.Kill()
	<-first.exited
	if len(temporaries(t, directory)) != 1 {
		t.Fatal("a runner that was killed has cleaned up, so this test shows nothing")
	}
	next := start(t)
	next.ok("file.write", object{"path": path, "blob": next.send([]byte("newer"))})
	if left := temporaries(t, directory); left != nil {
		t.Fatal(left)
	}
}

func TestNothingIsLeftOfRunnersKilledWhileTheyWrite(t *testing.T) {
	directory := diskDir(t)
	kills := 40
	if testing.Short() {
		kills = 5
	}
	for i := range kills {
		c := start(t)
		bodies := []string{c.send([]byte("one")), c.send([]byte("two"))}
		for j := range 400 {
			c.begin("file.write", []object{{"path": filepath.Join(directory, fmt.Sprint("file-", j%7)), "blob": bodies[j%2], "backup": ".orig"}}, nil)
			c.begin("link.ensure", []object{{"path": filepath.Join(directory, fmt.Sprint("link-", j%3)), "to": fmt.Sprint("to-", j)}}, nil)
		}
		c.answer(2*i + 1) // some have been done, and some not
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
	c := start(t)
	c.ok("file.write", object{"path": filepath.Join(directory, "last"), "blob": c.send([]byte("last"))})
	if left := temporaries(t, directory); left != nil {
		t.Fatal(left)
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			if text := content(t, filepath.Join(directory, entry.Name())); text != "one" && text != "two" && text != "last" {
				t.Errorf("%s: half written: %q", entry.Name(), text)
			}
		}
	}
}

func TestWritesToOnePathTakeTurns(t *testing.T) {
	c := start(t)
	path := filepath.Join(diskDir(t), "file")
	slow := c.begin("file.write", []object{{"path": path, "blob": c.send([]byte("first")), "validate": []string{"sh", "-c", "sleep 0.3", "%s"}}}, nil)
	var later []int
	for i := range 20 {
		later = append(later, c.begin("file.write", []object{{"path": path, "blob": c.send([]byte(fmt.Sprint("later ", i)))}}, nil))
	}
	other := c.begin("file.write", []object{{"path": path + "-other", "blob": c.send([]byte("other"))}}, nil)
	c.answer(other)
	c.mu.Lock()
	overtaken := len(c.waiting[slow]) == 0
	c.mu.Unlock()
	if !overtaken {
		t.Log("the slow one was faster; nothing is shown about other paths")
	}
	for _, id := range append(later, slow) {
		if answer := c.answer(id); answer["type"] != "DONE" {
			t.Fatal(answer)
		}
	}
	if got := content(t, path); got != "later 19" {
		t.Fatal(got)
	}
}

func TestExec(t *testing.T) {
	c := start(t)
	decode := func(value any) string {
		data, err := base64.StdEncoding.DecodeString(value.(string))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("from stdin"))
	reply := c.ok("exec", object{"argv": []string{"sh", "-c", "cat; echo $NAME $PWD $LANG; echo oops >&2; exit 7"}, "stdin": encoded, "env": object{"NAME": "value"}, "cwd": "/tmp"})
	if reply["exit"] != 7.0 || reply["signal"] != nil || decode(reply["stdout"]) != "from stdinvalue /tmp C.UTF-8\n" || decode(reply["stderr"]) != "oops\n" || reply["truncated"] != false {
		t.Error(reply, decode(reply["stdout"]))
	}
	reply = c.ok("exec", object{"argv": []string{"sh", "-c", "kill -9 $$"}})
	if reply["exit"] != nil || reply["signal"] != "SIGKILL" {
		t.Error(reply)
	}
	reply = c.ok("exec", object{"argv": []string{"head", "-c", "1000", "/dev/zero"}, "max_output": 10})
	if len(decode(reply["stdout"])) != 10 || reply["truncated"] != true {
		t.Error(reply)
	}
	reply = c.ok("exec", object{"argv": []string{"sh", "-c", "sleep 1000 & echo started"}}) // a child keeps the pipe open
	if decode(reply["stdout"]) != "started\n" {
		t.Error(reply)
	}
	c.fails("timeout", "exec", object{"argv": []string{"sleep", "1000"}, "timeout_ms": 50})
	c.fails("command_not_found", "exec", object{"argv": []string{"no-such-program"}})
	c.fails("command_not_found", "exec", object{"argv": []string{"/no/such/program"}})
	c.fails("enoent", "exec", object{"argv": []string{"true"}, "cwd": "/no/such/directory"})
	c.fails("not_executable", "exec", object{"argv": []string{"/etc/passwd"}})
	c.fails("bad_request", "exec", object{"argv": []string{}})
	c.fails("bad_request", "exec", object{"argv": "true"})
	c.fails("bad_request", "exec", object{"argv": []string{"true"}, "env": object{"A": 1}})
	c.fails("bad_request", "exec", object{"argv": []string{"true"}, "stdin": "?"})
	c.fails("bad_path", "exec", object{"argv": []string{"true"}, "cwd": "tmp"})
}

func TestObserve(t *testing.T) {
	c := start(t)
	directory := t.TempDir()
	path := put(t, filepath.Join(directory, "file"), "one")
	observe := func(options object) object {
		t.Helper()
		answer := c.answer(c.begin("observe", []object{{}}, object{"options": options}))
		if answer["type"] != "DONE" {
			t.Fatal(answer)
		}
		return answer["results"].([]any)[0].(object)
	}
	ok := func(options object) object {
		t.Helper()
		reply, ok := observe(options)["ok"].(object)
		if !ok {
			t.Fatal("failed")
		}
		return reply
	}
	code := func(options object) any { return observe(options)["error"].(object)["code"] }

	if got := code(object{"key": "k"}); got != "unknown_key" {
		t.Error(got)
	}
	batch := []object{
		{"command": "file.stat", "items": []object{{"path": path}, {"path": path + "x"}, {"path": "relative"}}},
		{"command": "dir.list", "items": []object{{"path": directory}}},
		{"command": "facts", "items": []object{{}}},
	}
	first := ok(object{"key": "k", "batch": batch})
	replies := first["replies"].([]any)
	if len(replies) != 3 || len(replies[0].([]any)) != 3 {
		t.Fatal(replies)
	}
	if again := ok(object{"key": "k", "digest": first["digest"]}); again["unchanged"] != true || again["digest"] != first["digest"] || again["replies"] != nil {
		t.Fatal(again)
	}
	if again := ok(object{"key": "k"}); again["digest"] != first["digest"] || again["replies"] == nil {
		t.Fatal(again)
	}
	put(t, path, "two")
	changed := ok(object{"key": "k", "digest": first["digest"]})
	if changed["digest"] == first["digest"] || changed["replies"] == nil {
		t.Fatal(changed)
	}
	put(t, path, "one")
	if back := ok(object{"key": "k", "digest": first["digest"]}); back["unchanged"] != true {
		t.Fatal("an equal world gives an unequal reply")
	}
	for _, name := range []string{"file.write", "exec", "observe", "watch", "file.read", "x"} {
		if got := code(object{"key": "w", "batch": []object{{"command": name, "items": []object{}}}}); got != "bad_request" {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, options := range []object{
		{}, {"key": ""}, {"key": 1}, {"key": "w", "batch": "x"}, {"key": "w", "batch": []object{{"command": "facts"}}}, {"key": "w", "batch": []any{1}},
		{"key": "w", "batch": []object{{"command": "facts", "items": []any{1}}}},
	} {
		if got := code(options); got != "bad_request" {
			t.Errorf("%v: %v", options, got)
		}
	}
	if got := code(object{"key": "w"}); got != "unknown_key" {
		t.Error("a batch that was refused is remembered")
	}
	for i := range 300 { // more than are remembered
		ok(object{"key": fmt.Sprint("many-", i), "batch": []object{}})
	}
	if got := code(object{"key": "k"}); got != "unknown_key" {
		t.Error(got)
	}
}

func TestALargeBody(t *testing.T) {
	c := start(t)
	directory := diskDir(t)
	large := bytes.Repeat([]byte("0123456789abcdef0123456789ABCDEF"), 2<<20) // 64 MiB
	copy(large[len(large)-3:], "end")
	path := filepath.Join(directory, "file")
	reply := c.ok("file.write", object{"path": path, "blob": c.send(large), "size": len(large)})
	if reply["digest"] != sum(string(large)) || content(t, path) != string(large) {
		t.Fatal("not the same")
	}
	id := c.begin("file.read", []object{{"path": path, "encoding": "gzip"}}, nil)
	if answer := c.answer(id); answer["type"] != "DONE" {
		t.Fatal(answer)
	}
	if n := len(c.events[id]); n != 64 {
		t.Fatalf("%d chunks", n)
	}
}

func TestABrokenBody(t *testing.T) {
	c := start(t)
	path := filepath.Join(t.TempDir(), "file")
	good := base64.StdEncoding.EncodeToString([]byte("good"))
	digest := sum("good")
	write := func() { t.Helper(); c.fails("blob_missing", "file.write", object{"path": path, "blob": digest}) }
	write()
	c.frame(object{"type": "BLOB", "digest": digest, "offset": 0, "data": good})
	write() // not complete
	c.frame(object{"type": "BLOB", "digest": digest, "offset": 5, "data": "", "last": true})
	write() // a gap
	c.frame(object{"type": "BLOB", "digest": digest, "offset": 0, "data": base64.StdEncoding.EncodeToString([]byte("bad!")), "last": true})
	write() // another content
	c.frame(object{"type": "BLOB", "digest": digest, "offset": 0, "data": good, "encoding": "gzip", "last": true})
	write() // not gzip
	c.frame(object{"type": "BLOB", "digest": digest, "offset": 0, "data": good, "last": true})
	c.ok("file.write", object{"path": path, "blob": digest})
}

func TestBecomeStartsTheSameByWayOfSudo(t *testing.T) {
	path := copied(t, "froyo-x", same)
	bin := t.TempDir()
	fake := "#!/bin/sh\necho \"$@\" >" + bin + "/called\ntest \"$1 $2\" = '-n --' || exit 9\nshift 2\nexec \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, "serve", "--become", "sudo", "--unlink", "--sha256", built.sha256, "--signature", built.signature, "--ttl=60s")
	command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	c := launch(t, command)
	select {
	case <-c.events[0]:
	case <-c.exited:
		t.Fatal(c.errors)
	}
	if called := content(t, bin+"/called"); strings.Contains(called, "become") || !strings.Contains(called, "--unlink") || !strings.Contains(called, "--ttl=60s") {
		t.Fatal(called)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Fatal("the executable is still there")
	}
	command = exec.Command(copied(t, "froyo-y", same), "serve", "--become=sudo", "--unlink", "--sha256", built.sha256, "--signature", built.signature)
	command.Env = []string{"PATH=/nowhere"}
	c = launch(t, command)
	if _, status := c.ended(); status != 64 || !strings.Contains(c.errors.String(), "cannot become root") {
		t.Fatal(status, c.errors)
	}
	if _, err := os.Stat(command.Path); !os.IsNotExist(err) {
		t.Fatal("the executable is still there")
	}
}

// asTheBootstrap starts the binary as the controller's script does on a target: by a descriptor, with further ones open.
func asTheBootstrap(t *testing.T) *client {
	script := "umask 0; exec 4<" + built.path + " 7</dev/null; exec /proc/self/fd/4 serve --sha256 " + built.sha256 + " --signature " + built.signature
	c := launch(t, exec.Command("sh", "-c", script))
	if c.ready = <-c.events[0]; c.ready == nil {
		t.Fatal(c.errors)
	}
	return c
}

func TestAProgramGetsNoDescriptorButTheStandardOnes(t *testing.T) {
	c := asTheBootstrap(t)
	file := filepath.Join(t.TempDir(), "file")
	c.begin("watch", []object{}, object{"options": object{"subjects": []string{"path:" + file}}})
	body := c.send(bytes.Repeat([]byte("large"), 1<<20)) // kept in a file without a name
	validate := []string{"sh", "-c", "ls -l /proc/self/fd >" + file + ".seen; test -s %s"}
	c.ok("file.write", object{"path": file, "blob": body, "validate": validate})
	reply := c.ok("exec", object{"argv": []string{"ls", "-l", "/proc/self/fd"}})
	listed, _ := base64.StdEncoding.DecodeString(reply["stdout"].(string))
	seen, err := os.ReadFile(file + ".seen")
	if err != nil {
		t.Fatal(err)
	}
	for _, listing := range []string{string(listed), string(seen)} {
		var numbers []string
		for line := range strings.Lines(listing) {
			if before, to, ok := strings.Cut(line, " -> "); ok && !strings.HasPrefix(to, "/proc/") { // what `ls` itself reads
				numbers = append(numbers, before[strings.LastIndexByte(before, ' ')+1:])
			}
		}
		if got := strings.Join(numbers, " "); got != "0 1 2" {
			t.Errorf("%s in\n%s", got, listing)
		}
	}
}

func TestWhatAProgramCreatesDoesNotDependOnWhoStartedTheRunner(t *testing.T) {
	c := asTheBootstrap(t)
	reply := c.ok("exec", object{"argv": []string{"sh", "-c", "umask"}})
	if said, _ := base64.StdEncoding.DecodeString(reply["stdout"].(string)); string(said) != "0022\n" {
		t.Errorf("%q", said)
	}
}

func TestItIsKnownByItsName(t *testing.T) {
	c := asTheBootstrap(t)
	process := "/proc/" + strconv.Itoa(int(c.ready["pid"].(float64)))
	threads, err := filepath.Glob(process + "/task/*/comm")
	if err != nil || len(threads) == 0 {
		t.Fatal(err)
	}
	for _, path := range append(threads, process+"/comm") {
		if comm, err := os.ReadFile(path); err == nil && string(comm) != "froyo-runner\n" {
			t.Errorf("%s: %q", path, comm)
		}
	}
	if line, err := os.ReadFile(process + "/cmdline"); err != nil || !strings.HasPrefix(string(line), "froyo-runner\x00") || !strings.Contains(string(line), "\x00serve\x00--sha256\x00") {
		t.Errorf("%q %v", line, err)
	}
}
