package files

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

type object = harness.Object

func sum(content string) string { return digest.Of([]byte(content)).String() }

func TestStatOfEachType(t *testing.T) {
	h := harness.New(t, Commands)
	directory := t.TempDir()
	if err := os.Chmod(directory, 0o1755); err != nil {
		t.Fatal(err)
	}
	file := harness.Put(t, filepath.Join(directory, "file"), "hello\n")
	link := filepath.Join(directory, "link")
	pipe := filepath.Join(directory, "pipe")
	if err := os.Symlink("../far/away", link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]object{
		file:                             {"exists": true, "type": "file", "mode": "0644", "size": int64(6), "digest": sum("hello\n")},
		link:                             {"exists": true, "type": "symlink", "to": "../far/away"},
		pipe:                             {"exists": true, "type": "other", "mode": "0600"},
		directory:                        {"exists": true, "type": "directory"},
		"/":                              {"exists": true, "type": "directory"},
		filepath.Join(directory, "gone"): {"exists": false},
		filepath.Join(directory, "gone", "deeper"): {"exists": false},
		filepath.Join(file, "deeper"):              {"exists": false},
	}
	for path, want := range cases {
		got := h.OK("file.stat", object{"path": path})
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %s is %v, want %v", path, key, got[key], value)
			}
		}
		if !strings.HasPrefix(got["state"].(string), "sha256:") {
			t.Errorf("%s: no state in %v", path, got)
		}
	}
	got := h.OK("file.stat", object{"path": file, "digest": false})
	if got["digest"] != nil || got["state"] != nil || got["size"] != int64(6) {
		t.Errorf("without a digest: %v", got)
	}
}

func TestStatRepliesNothingThatMovesOnItsOwn(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(t.TempDir(), "file"), "same")
	before := h.OK("file.stat", object{"path": path})
	for _, to := range []time.Time{time.Unix(1, 0), time.Now().Add(time.Hour)} {
		if err := os.Chtimes(path, to, to); err != nil {
			t.Fatal(err)
		}
	}
	harness.Put(t, path+"2", "same")
	if err := os.Rename(path+"2", path); err != nil {
		t.Fatal(err)
	}
	after := h.OK("file.stat", object{"path": path})
	for key, value := range before {
		if after[key] != value {
			t.Errorf("%s moved from %v to %v", key, value, after[key])
		}
	}
}

func TestStatGivesTextOnDemand(t *testing.T) {
	h := harness.New(t, Commands)
	directory := t.TempDir()
	path := harness.Put(t, filepath.Join(directory, "file"), "grüße\n")
	binary := harness.Put(t, filepath.Join(directory, "binary"), "\xff\xfe")
	private := harness.Put(t, filepath.Join(directory, "private"), "secret\n")
	if err := os.Chmod(private, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		item object
		text any
	}{
		"not asked for":        {object{"path": path}, nil},
		"fits":                 {object{"path": path, "text_max": 8}, "grüße\n"},
		"too large":            {object{"path": path, "text_max": 7}, nil},
		"as wanted":            {object{"path": path, "text_max": 100, "wanted": object{"type": "file", "digest": sum("grüße\n")}}, nil},
		"another is wanted":    {object{"path": path, "text_max": 100, "wanted": object{"type": "file", "digest": sum("x")}}, "grüße\n"},
		"not UTF-8":            {object{"path": binary, "text_max": 100}, nil},
		"nobody else's":        {object{"path": private, "text_max": 100}, nil},
		"asked for explicitly": {object{"path": private, "text_max": 100, "private": true}, "secret\n"},
	}
	for name, c := range cases {
		for _, round := range []string{"cold", "warm"} {
			if got := h.OK("file.stat", c.item)["text"]; got != c.text {
				t.Errorf("%s, %s: %v", name, round, got)
			}
		}
	}
}

// Four hundred files that differ overflowed a frame, and nothing on the target was looked at any more.
func TestStatGivesOnlySoMuchTextAsFitsIntoAFrame(t *testing.T) {
	for name, content := range map[string]string{"long": strings.Repeat("x", 57<<10), "control characters": strings.Repeat("\x01", 57<<10)} {
		t.Run(name, func(t *testing.T) {
			h := harness.New(t, Commands)
			directory := t.TempDir()
			items := make([]object, 400)
			for i := range items {
				items[i] = object{"path": harness.Put(t, filepath.Join(directory, strconv.Itoa(i)), content), "text_max": 64 << 10}
			}
			var before []object
			for range 2 {
				results, err := h.Run(t.Context(), "file.stat", items...)
				if err != nil {
					t.Fatal(err)
				}
				encoded, err := json.Marshal(results)
				if err != nil || len(encoded) > 6<<20 {
					t.Fatal(len(encoded), err)
				}
				with := 0
				for _, result := range results {
					if _, there := result["ok"].(object)["text"]; there {
						with++
					}
					if result["ok"].(object)["digest"] != sum(content) {
						t.Fatal(result)
					}
				}
				if with == 0 || with == len(items) {
					t.Fatalf("%d texts", with)
				}
				if before != nil && !reflect.DeepEqual(before, results) {
					t.Fatal("an equal world gave another reply")
				}
				before = results
			}
		})
	}
}

// A sparse file of a user's was read for hours, and nothing else on the target was looked at meanwhile.
func TestStatGivesUpOnWhatCannotBeReadInTimeAndGoesOnWithTheRest(t *testing.T) {
	patience := entry.Patience
	entry.Patience = 3 * time.Second // a small one is read in it on a busy machine, too
	defer func() { entry.Patience = patience }()
	h := harness.New(t, Commands)
	directory := harness.Disk(t)
	large, small := filepath.Join(directory, "large"), harness.Put(t, filepath.Join(directory, "small"), "x")
	harness.Put(t, large, "")
	if err := os.Truncate(large, 8<<40); err != nil {
		t.Skip(err)
	}
	for _, round := range []string{"first", "again"} {
		results, err := h.Run(t.Context(), "file.stat", object{"path": large}, object{"path": small})
		if err != nil {
			t.Fatal(err)
		}
		refused, fine := results[0], results[1]
		if code := refused["error"].(object)["code"]; code != string(fault.Timeout) {
			t.Fatalf("%s: %v", round, refused)
		}
		if fine["ok"].(object)["digest"] != sum("x") {
			t.Fatalf("%s: %v", round, fine)
		}
	}
	if err := os.Truncate(large, 4); err != nil {
		t.Fatal(err)
	}
	if h.OK("file.stat", object{"path": large})["digest"] != sum("\x00\x00\x00\x00") {
		t.Fatal("it is still left alone")
	}
}

// A map of memory was written to, and nothing moved, nowhere on tmpfs, and on a disk for as long as the page is not written back: it was
// never seen.
func TestStatNoticesAWriteThroughAMap(t *testing.T) {
	memory, err := os.MkdirTemp("/dev/shm", "runner-test-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(memory)
	for name, directory := range map[string]string{"tmpfs": memory, "disk": harness.Disk(t)} {
		t.Run(name, func(t *testing.T) { noticesAMap(t, filepath.Join(directory, "file")) })
	}
}

func noticesAMap(t *testing.T, path string) {
	h := harness.New(t, Commands)
	file, err := os.OpenFile(harness.Put(t, path, "before\n"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := syscall.Mmap(int(file.Fd()), 0, 7, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close() // the map stays
	defer func() { _ = syscall.Munmap(mapped) }()
	mapped[0] = 'b'
	time.Sleep(50 * time.Millisecond) // past git's racy time
	if h.OK("file.stat", object{"path": path})["digest"] != sum("before\n") {
		t.Fatal("it is something else")
	}
	copy(mapped, "spoiled")
	if h.OK("file.stat", object{"path": path})["digest"] != sum("spoiled") {
		t.Fatal("the write was not seen")
	}
}

func TestStatNoticesAChangeOfTheSameSizeWithItsTimePutBack(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), "one")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	for i := range 200 { // within and beyond the grain of the file system's clock
		content := []string{"one", "two"}[i%2]
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(content); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		if got := h.OK("file.stat", object{"path": path})["digest"]; got != sum(content) {
			t.Fatalf("round %d: a remembered digest was given", i)
		}
	}
}

func TestStatRefuses(t *testing.T) {
	h := harness.New(t, Commands)
	for item, code := range map[*object]fault.Code{
		{"path": "relative"}:                       fault.BadPath,
		{"path": "/a/../b"}:                        fault.BadPath,
		{"path": "/a//b"}:                          fault.BadPath,
		{"path": "/a/./b"}:                         fault.BadPath,
		{"path": "/a/"}:                            fault.BadPath,
		{"path": "/a\x00b"}:                        fault.BadPath,
		{"path": "/" + strings.Repeat("a/", 3000)}: fault.BadPath,
		{"path": "/" + strings.Repeat("a", 300)}:   fault.NameTooLong,
		{}:                                         fault.BadPath,
		{"path": 7}:                                fault.BadRequest,
		{"path": "/", "digest": "yes"}:             fault.BadRequest,
		{"path": "/", "text_max": -1}:              fault.BadRequest,
		{"path": "/", "wanted": "a file"}:          fault.BadRequest,
		{"path": "/", "wanted": object{}}:          fault.BadRequest,
		{"path": "/", "wanted": object{"type": "file", "digest": "sha256:SHORT"}}: fault.BadRequest,
		{"path": "/etc/passwd", "wanted": object{"type": "absent"}}:               "",
	} {
		if code == "" {
			h.OK("file.stat", *item)
		} else {
			h.Fails(code, "file.stat", *item)
		}
	}
}

func TestStatOfANameThatIsNotUTF8(t *testing.T) {
	h := harness.New(t, Commands)
	path := filepath.Join(t.TempDir(), "caf\xe9 \n\t'\"")
	harness.Put(t, path, "x")
	if got := h.OK("file.stat", object{"path": path}); got["digest"] != sum("x") {
		t.Fatal(got)
	}
}

func TestStatReadsPseudoFiles(t *testing.T) {
	h := harness.New(t, Commands)
	got := h.OK("file.stat", object{"path": "/proc/sys/kernel/ostype", "text_max": 100})
	if got["text"] != "Linux\n" || got["size"] != int64(6) {
		t.Fatal(got)
	}
}

func TestStatMentionsMountPointsAndImmutableFiles(t *testing.T) {
	h := harness.New(t, Commands)
	if got := h.OK("file.stat", object{"path": "/proc"}); got["mountpoint"] != true {
		t.Fatal(got)
	}
	path := immutableFile(t, "fixed")
	if got := h.OK("file.stat", object{"path": path}); got["immutable"] != true {
		t.Fatal(got)
	}
}

func TestReadSendsChunks(t *testing.T) {
	h := harness.New(t, Commands)
	content := strings.Repeat("0123456789abcdef", 1<<16) + "tail" // 1 MiB and 4 bytes
	path := harness.Put(t, filepath.Join(t.TempDir(), "file"), content)
	state := h.OK("file.stat", object{"path": path})["state"]
	cases := map[string]struct {
		item   object
		want   string
		chunks int
	}{
		"whole":       {object{"path": path}, content, 2},
		"expected":    {object{"path": path, "expect": state}, content, 2},
		"packed":      {object{"path": path, "encoding": "gzip"}, content, 2},
		"a range":     {object{"path": path, "offset": 10, "length": 6}, "abcdef", 1},
		"the end":     {object{"path": path, "offset": len(content) - 4, "length": 1000}, "tail", 1},
		"beyond":      {object{"path": path, "offset": len(content) + 10}, "", 0},
		"of no bytes": {object{"path": path, "length": 0}, "", 0},
	}
	for name, c := range cases {
		h.Events = nil
		reply := h.OK("file.read", c.item)
		if reply["digest"] != sum(c.want) || reply["size"] != int64(len(content)) || len(h.Events) != c.chunks {
			t.Errorf("%s: %v in %d chunks", name, reply, len(h.Events))
		}
		if got := joined(t, h); got != c.want {
			t.Errorf("%s: got %d bytes", name, len(got))
		}
	}
}

func TestReadRefuses(t *testing.T) {
	h := harness.New(t, Commands)
	directory := t.TempDir()
	path := harness.Put(t, filepath.Join(directory, "file"), "x")
	link := filepath.Join(directory, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	h.Fails(fault.NotFound, "file.read", object{"path": filepath.Join(directory, "gone")})
	h.Fails(fault.IsDirectory, "file.read", object{"path": directory})
	h.Fails(fault.WrongType, "file.read", object{"path": link})
	h.Fails(fault.Conflict, "file.read", object{"path": path, "expect": sum("x")})
	h.Fails(fault.BadRequest, "file.read", object{"path": path, "offset": "1"})
}

func TestAFileThatKeepsChangingHasNoDigest(t *testing.T) {
	h := harness.New(t, Commands)
	path := harness.Put(t, filepath.Join(harness.Disk(t), "file"), strings.Repeat("x", 32<<20))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		for i := byte(0); ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = file.WriteAt([]byte{i}, 0)
			}
		}
	}()
	// On a busy machine the writer may stand still for as long as a look takes; then there is nothing to notice.
	for _, command := range []string{"file.stat", "file.read"} {
		noticed := false
		for limit := time.Now().Add(time.Minute); !noticed && time.Now().Before(limit); time.Sleep(time.Millisecond) {
			results, err := h.Run(context.Background(), command, object{"path": path})
			if err != nil {
				t.Fatal(err)
			}
			failure, failed := results[0]["error"].(object)
			noticed = failed && failure["code"] == string(fault.Changing)
		}
		if !noticed {
			t.Errorf("%s never noticed that the file was changing", command)
		}
	}
	close(stop)
	<-stopped
	h.OK("file.stat", object{"path": path})
}
