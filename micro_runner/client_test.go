package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen; it is never how long something may take.
const patience = time.Minute

// built is the real binary, signed with a key of the tests' own.
var built struct {
	path, sha256, signature string
	key                     *ecdsa.PrivateKey
}

func TestMain(m *testing.M) {
	directory, err := os.MkdirTemp("", "runner-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Chmod(directory, 0o755); err != nil { // for tests as another user
		panic(err)
	}
	if err := build(directory); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(directory)
	os.Exit(status)
}

// build makes the binary, unless $RUNNER_TEST_BUILT has "PATH SHA256 SIGNATURE" of one: on a host without Go.
func build(directory string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if named := strings.Fields(os.Getenv("RUNNER_TEST_BUILT")); len(named) == 3 {
		built.key, built.path, built.sha256, built.signature = key, named[0], named[1], named[2]
		return nil
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	built.key, built.path = key, filepath.Join(directory, "runner")
	flags := "-X main.version=0.0.0-test -X main.publicKey=" + base64.StdEncoding.EncodeToString(public)
	arguments := []string{"build", "-trimpath", "-ldflags", flags, "-o", built.path}
	if os.Getenv("GOCOVERDIR") != "" { // count what these tests reach in the binary, too
		arguments = append(arguments, "-cover", "-coverpkg=./...")
	}
	cgo := "CGO_ENABLED=0"
	if os.Getenv("RUNNER_TEST_RACE") != "" { // look for data races in the binary
		arguments, cgo = append(arguments, "-race"), "CGO_ENABLED=1"
	}
	command := exec.Command("go", append(arguments, ".")...) // the one that runs the tests
	command.Env = append(os.Environ(), cgo)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	content, err := os.ReadFile(built.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	built.sha256, built.signature = hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(signature)
	return err
}

type object = map[string]any

// client is a controller's side, as simple as it can be.
type client struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	errors *bytes.Buffer
	ready  object
	exited chan struct{} // the process has ended and all it said has been read

	mu      sync.Mutex
	lastID  int
	waiting map[int]chan object // DONE or ERROR
	events  map[int]chan object
	exit    object
	beats   int
}

// start runs the built binary with further arguments and waits for READY.
func start(t testing.TB, arguments ...string) *client {
	t.Helper()
	c := launch(t, exec.Command(built.path, append([]string{"serve", "--sha256", built.sha256, "--signature", built.signature}, arguments...)...))
	select {
	case c.ready = <-c.events[0]:
	case <-c.exited:
		t.Fatalf("no READY: %v %s", c.exit, c.errors)
	case <-time.After(patience):
		t.Fatal("no READY in time")
	}
	return c
}

func launch(t testing.TB, command *exec.Cmd) *client {
	t.Helper()
	c := &client{t: t, cmd: command, errors: &bytes.Buffer{}, exited: make(chan struct{}), waiting: map[int]chan object{}, events: map[int]chan object{0: make(chan object, 1)}}
	command.Stderr = c.errors
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	c.in = in
	go c.listen(out)
	t.Cleanup(func() {
		_ = in.Close()
		select {
		case <-c.exited:
		case <-time.After(patience):
			_ = command.Process.Kill()
			t.Error("the runner did not end with its input")
			<-c.exited
		}
		if c.errors.Len() > 0 {
			t.Logf("stderr: %s", c.errors)
		}
	})
	return c
}

func (c *client) listen(out io.Reader) {
	reader := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			break
		}
		var frame object
		if err := json.Unmarshal(line, &frame); err != nil {
			c.t.Errorf("not a frame: %q", line)
			continue
		}
		id := 0
		if number, ok := frame["id"].(float64); ok {
			id = int(number)
		}
		c.mu.Lock()
		switch frame["type"] {
		case "READY":
			c.events[0] <- frame
		case "HEARTBEAT":
			c.beats++
		case "EXIT":
			c.exit = frame
		case "EVENT":
			c.events[id] <- frame
		case "DONE", "ERROR":
			c.waiting[id] <- frame
		}
		c.mu.Unlock()
	}
	_ = c.cmd.Wait()
	close(c.exited)
}

func (c *client) raw(line string) {
	_, _ = io.WriteString(c.in, line+"\n")
}

func (c *client) frame(frame object) {
	line, err := json.Marshal(frame)
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(string(line))
}

// begin sends a command and gives its id.
func (c *client) begin(name string, items []object, extra object) int {
	c.mu.Lock()
	c.lastID++
	id := c.lastID
	c.waiting[id] = make(chan object, 1)
	c.events[id] = make(chan object, 10000)
	c.mu.Unlock()
	if items == nil {
		items = []object{}
	}
	frame := object{"type": "CMD", "id": id, "command": name, "items": items}
	for key, value := range extra {
		frame[key] = value
	}
	c.frame(frame)
	return id
}

// answer waits for DONE or ERROR.
func (c *client) answer(id int) object {
	c.t.Helper()
	c.mu.Lock()
	waiting := c.waiting[id]
	c.mu.Unlock()
	select {
	case frame := <-waiting:
		return frame
	case <-c.exited:
		select {
		case frame := <-waiting:
			return frame
		default:
		}
		c.t.Fatalf("the runner ended before it answered: %v %s", c.exit, c.errors)
	case <-time.After(patience):
		c.t.Fatal("no answer in time")
	}
	return nil
}

// event waits for the next event of a command.
func (c *client) event(id int) object {
	c.t.Helper()
	c.mu.Lock()
	events := c.events[id]
	c.mu.Unlock()
	select {
	case frame := <-events:
		return frame
	case <-c.exited:
		c.t.Fatalf("the runner ended: %v %s", c.exit, c.errors)
	case <-time.After(patience):
		c.t.Fatal("no event in time")
	}
	return nil
}

// do runs a command to its DONE.
func (c *client) do(name string, items ...object) []object {
	c.t.Helper()
	answer := c.answer(c.begin(name, items, nil))
	if answer["type"] != "DONE" {
		c.t.Fatalf("%s: %v", name, answer["error"])
	}
	results := []object{}
	for _, result := range answer["results"].([]any) {
		results = append(results, result.(object))
	}
	if len(results) != len(items) {
		c.t.Fatalf("%s: %d results of %d items", name, len(results), len(items))
	}
	return results
}

// ok runs a command with one item, which has to succeed.
func (c *client) ok(name string, item object) object {
	c.t.Helper()
	result := c.do(name, item)[0]
	reply, ok := result["ok"].(object)
	if !ok {
		c.t.Fatalf("%s %v: %v", name, item, result["error"])
	}
	return reply
}

// fails runs a command with one item, which has to fail with a code, and gives the message.
func (c *client) fails(code, name string, item object) string {
	c.t.Helper()
	result := c.do(name, item)[0]
	failure, ok := result["error"].(object)
	if !ok || failure["code"] != code {
		c.t.Fatalf("%s %v: got %v, want %s", name, item, result, code)
	}
	return failure["message"].(string)
}

// send gives a body to the runner, in pieces.
func (c *client) send(content []byte) string {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	const piece = 1 << 20
	for offset := 0; ; offset += piece {
		end := min(offset+piece, len(content))
		c.frame(object{
			"type": "BLOB", "digest": digest, "offset": offset, "last": end == len(content),
			"data": base64.StdEncoding.EncodeToString(content[offset:end]),
		})
		if end == len(content) {
			return digest
		}
	}
}

// ended waits for the process to be gone and gives the reason that it said and its exit status.
func (c *client) ended() (string, int) {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(patience):
		c.t.Fatal("the runner does not end")
	}
	reason, _ := c.exit["reason"].(string)
	return reason, c.cmd.ProcessState.ExitCode()
}

// temporaries are what runners have left below a directory.
func temporaries(t testing.TB, directory string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(path string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), ".froyo-") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func put(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func sum(content string) string {
	digest := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(digest[:])
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
