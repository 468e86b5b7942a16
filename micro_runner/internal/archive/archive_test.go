package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/wire"
)

const megabyte = 1 << 20

// trial is a directory to unpack into, with its own records.
type trial struct {
	*harness.Harness
	top, place string
}

func try(t *testing.T) *trial {
	base := harness.Disk(t)
	place := filepath.Join(base, "records")
	h := harness.New(t, func(host *command.Host) []command.Command {
		kept := newRecords()
		kept.place = place
		return commands(host, kept)
	})
	return &trial{h, filepath.Join(base, "app"), place}
}

// item is a question about an archive at the top, of any size up to a megabyte.
func (t *trial) item(archive string, more harness.Object) harness.Object {
	item := harness.Object{"path": t.top, "archive": archive, "limit": megabyte}
	for key, value := range more {
		item[key] = value
	}
	return item
}

func (t *trial) unpack(content string, more harness.Object) harness.Object {
	t.T.Helper()
	return t.OK("archive.unpack", t.item(t.Send(content), more))
}

func (t *trial) look(content string, more harness.Object) harness.Object {
	t.T.Helper()
	return t.OK("archive.look", t.item(digest.Of([]byte(content)).String(), more))
}

func (t *trial) inSync(content string, more harness.Object) {
	t.T.Helper()
	if reply := t.look(content, more); reply["total"] != int64(0) || reply["changes"] != nil {
		t.T.Errorf("not in sync: %v", reply["differs"])
	}
}

func (t *trial) content(name string) string { return harness.Content(t.T, filepath.Join(t.top, name)) }

func (t *trial) is(name string, there bool) {
	t.T.Helper()
	if _, err := os.Lstat(filepath.Join(t.top, name)); (err == nil) != there {
		t.T.Errorf("%s: there %v, not %v", name, err == nil, there)
	}
}

func (t *trial) mode(name string) fs.FileMode {
	stat, err := os.Lstat(filepath.Join(t.top, name))
	if err != nil {
		t.T.Fatal(err)
	}
	return stat.Mode().Perm()
}

func file(name, content string) *tar.Header {
	return &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg, PAXRecords: map[string]string{"comment": content}}
}

// packed makes a tar archive; what is in a file is in its comment, so that a header is all there is to say.
func packed(t testing.TB, headers ...*tar.Header) string {
	t.Helper()
	var made bytes.Buffer
	writer := tar.NewWriter(&made)
	for _, one := range headers {
		header := *one
		content := header.PAXRecords["comment"]
		header.PAXRecords = nil
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return made.String()
}

func gzipped(content string) string {
	var made bytes.Buffer
	writer := gzip.NewWriter(&made)
	_, _ = writer.Write([]byte(content))
	_ = writer.Close()
	return made.String()
}

func app(t testing.TB) string {
	program := file("app-1.0/bin/app", "#!/bin/sh\n")
	program.Mode = 0o775
	secret := file("app-1.0/key", "secret")
	secret.Mode = 0o600
	return packed(t,
		&tar.Header{Name: "app-1.0/", Mode: 0o755, Typeflag: tar.TypeDir},
		program, secret, file("app-1.0/empty", ""), file("app-1.0/lib/one/two.txt", "two"),
		&tar.Header{Name: "app-1.0/bin/again", Linkname: "app", Typeflag: tar.TypeSymlink, Mode: 0o777},
		&tar.Header{Name: "app-1.0/lib/same", Linkname: "app-1.0/lib/one/two.txt", Typeflag: tar.TypeLink, Mode: 0o644},
	)
}

func TestWhatIsInAnArchiveIsUnpackedKeptAndPutRight(t *testing.T) {
	h := try(t)
	content, more := gzipped(app(t)), harness.Object{"strip": 1}
	if reply := h.look(content, more); reply["known"] != false {
		t.Fatalf("nothing was unpacked yet: %v", reply)
	}
	if h.unpack(content, more)["changed"] != true {
		t.Error("nothing has changed")
	}
	h.inSync(content, more)
	if h.unpack(content, more)["changed"] != false {
		t.Error("something has changed again")
	}
	if h.content("bin/again") != "#!/bin/sh\n" || h.content("lib/one/two.txt") != "two" || h.content("lib/same") != "two" || h.content("empty") != "" {
		t.Error("another content")
	}
	if h.mode("bin/app") != 0o755 || h.mode("key") != 0o600 || h.mode("lib") != 0o755 {
		t.Errorf("another mode: %v %v %v", h.mode("bin/app"), h.mode("key"), h.mode("lib"))
	}
	record, _ := os.Stat(h.place)
	if record.Mode().Perm() != 0o700 {
		t.Errorf("others can read the records: %v", record.Mode())
	}

	harness.Put(t, filepath.Join(h.top, "bin/app"), "spoiled")
	_ = os.Chmod(filepath.Join(h.top, "key"), 0o644)
	_ = os.Remove(filepath.Join(h.top, "bin/again"))
	_ = os.RemoveAll(filepath.Join(h.top, "lib/one"))
	harness.Put(t, filepath.Join(h.top, "mine"), "mine")
	reply := h.look(content, more)
	if reply["total"] != int64(5) || reply["lost"] != int64(1) {
		t.Fatalf("other differences: %v", reply)
	}
	h.Fails(fault.Conflict, "archive.unpack", h.item(h.Send(content), harness.Object{"strip": 1, "expect": digest.Of(nil).String()}))
	h.unpack(content, harness.Object{"strip": 1, "expect": reply["changes"]})
	h.inSync(content, more)
	if h.content("mine") != "mine" || h.content("bin/app") != "#!/bin/sh\n" {
		t.Error("what is not in the archive has gone, or what is was not put right")
	}
	h.Clean(h.top)

	newer := gzipped(packed(t, file("app-2.0/bin/app", "newer")))
	if reply := h.look(newer, more); reply["known"] != false || reply["before"] != digest.Of([]byte(content)).String() {
		t.Errorf("another archive is not known: %v", reply)
	}
	h.unpack(newer, more)
	h.inSync(newer, more)
	if h.content("bin/app") != "newer" || h.content("key") != "secret" {
		t.Error("the newer archive is not there, or what only the older one had has gone")
	}
}

func TestPurgeRemovesWhatTheArchiveDoesNotHaveButWhatIsSparedOrExcepted(t *testing.T) {
	h := try(t)
	content := packed(t, file("a/one", "1"), file("two", "2"))
	more := harness.Object{"purge": true, "spared": []string{"conf/site"}, "except": []string{"*.log"}}
	h.unpack(content, more)
	for _, name := range []string{"stray", "a/stray", "b/deep/stray", "conf/site/x", "conf/stray", "b/x.log"} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(h.top, name)), 0o755)
		harness.Put(t, filepath.Join(h.top, name), "x")
	}
	h.inSync(content, nil)
	reply := h.look(content, more)
	if reply["lost"] != int64(4) {
		t.Errorf("not four are lost: %v", reply)
	}
	h.unpack(content, more)
	h.inSync(content, more)
	for name, there := range map[string]bool{
		"stray": false, "a/stray": false, "b/deep": false, "conf/stray": false, "conf/site/x": true, "b/x.log": true, "a/one": true,
	} {
		h.is(name, there)
	}
}

func TestOnlyWhatIsIncludedAndNotExceptedIsUnpacked(t *testing.T) {
	h := try(t)
	content := packed(t, file("bin/a", "a"), file("bin/b.exe", "b"), file("doc/c", "c"), file("x/bin/d", "d"))
	more := harness.Object{"include": []string{"bin/**", "x/**/d"}, "except": []string{"*.exe"}}
	h.unpack(content, more)
	h.inSync(content, more)
	for name, there := range map[string]bool{"bin/a": true, "bin/b.exe": false, "doc": false, "x/bin/d": true} {
		h.is(name, there)
	}
	h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(content), harness.Object{"include": []string{"nothing"}}))
	h.Fails(fault.BadRequest, "archive.unpack", h.item(h.Send(content), harness.Object{"include": []string{"["}}))
}

func TestGlobsAreThoseOfADirectory(t *testing.T) {
	for _, one := range []struct {
		pattern, name string
		has           bool
	}{
		{"*.log", "a/b/x.log", true}, {"*.log", "x.log/y", true}, {"*.log", "x.logs", false}, {"x", "a/x/b", true},
		{"cache/**", "cache/x", true}, {"cache/**", "a/cache/x", false}, {"cache/**", "cache", true}, {"a/*/c", "a/b/c", true},
		{"a/*/c", "a/b/b/c", false}, {"a/**/c", "a/c", true}, {"a/**/c", "a/b/b/c", true}, {"**/c", "c", true}, {"**/c", "a/b/c/d", true},
		{"**", "a/b", true}, {"a/**/**", "a/b", true}, {"a/**/**", "ab", false}, {"[!a]b", "ab", false}, {"[!a]b", "xb", true}, {"[]x]", "]", true},
		{"[a-c]?", "b1", true}, {"[a-c]?", "d1", false}, {"[-a]", "-", true}, {"[^a]", "^", true}, {"a.b", "axb", false}, {"é?", "éé", true},
		{"[[]x", "[x", true}, {`a\b`, "ab", false},
	} {
		g, err := compile(one.pattern)
		if err != nil {
			t.Errorf("%s: %v", one.pattern, err)
		} else if (globs{g}).has(one.name) != one.has {
			t.Errorf("%s and %s: not %v", one.pattern, one.name, one.has)
		}
	}
	for _, broken := range []string{"[", "[]", "[!", "[z-a]", "a["} {
		if _, err := compile(broken); err == nil {
			t.Errorf("%s is taken", broken)
		}
	}
}

func TestALinkOfAUserOnTheWayIsNotFollowed(t *testing.T) {
	harness.NeedRoot(t)
	h := try(t)
	theirs := filepath.Join(filepath.Dir(h.top), "theirs")
	_ = os.Mkdir(theirs, 0o755)
	_ = os.Symlink(t.TempDir(), filepath.Join(theirs, "link"))
	_ = os.Chown(theirs, 65534, 65534)
	_ = os.Lchown(filepath.Join(theirs, "link"), 65534, 65534)
	h.top = filepath.Join(theirs, "link", "app")
	h.Fails(fault.UnsafeSymlink, "archive.unpack", h.item(h.Send(app(t)), nil))
}

func TestModesAndOwnersAreAsDeclared(t *testing.T) {
	harness.NeedRoot(t)
	h := try(t)
	more := harness.Object{"strip": 1, "file_mode": "0640", "directory_mode": "0750", "uid": 33, "gid": 33}
	h.unpack(app(t), more)
	h.inSync(app(t), more)
	if h.mode("bin/app") != 0o640 || h.mode("lib") != 0o750 {
		t.Error("another mode")
	}
	reply := h.look(app(t), harness.Object{"strip": 1, "file_mode": "0640", "directory_mode": "0750", "uid": 0})
	if reply["total"] != int64(10) { // with the directory itself
		t.Errorf("not all belong to another one: %v", reply["differs"])
	}
	h.Fails(fault.BadRequest, "archive.look", h.item(digest.Of(nil).String(), harness.Object{"file_mode": "9"}))
}

func TestADirectoryThatIsSharedKeepsItsMode(t *testing.T) {
	harness.NeedRoot(t)
	h := try(t)
	_ = os.MkdirAll(filepath.Join(h.top, "lib"), 0o755)
	_ = os.Chmod(h.top, 0o775|fs.ModeSetgid)
	_ = os.Chmod(filepath.Join(h.top, "lib"), 0o775|fs.ModeSetgid)
	more := harness.Object{"strip": 1, "gid": 33}
	h.unpack(app(t), more)
	h.inSync(app(t), more)
	for _, name := range []string{"", "lib"} {
		if stat, _ := os.Stat(filepath.Join(h.top, name)); stat.Mode() != fs.ModeDir|0o775|fs.ModeSetgid {
			t.Errorf("%q has another mode: %v", name, stat.Mode())
		}
	}
	if reply := h.look(app(t), harness.Object{"strip": 1, "directory_mode": "0755"}); reply["total"] != int64(1) {
		t.Errorf("a declared mode does not count: %v", reply["differs"])
	}
}

func TestWhatRootHasUnpackedByHandIsLeftAsItIs(t *testing.T) {
	h := try(t)
	_ = os.Mkdir(h.top, 0o755)
	command := exec.Command("tar", "-xpf", "-", "--strip-components=1", "-C", h.top)
	command.Stdin = strings.NewReader(app(t))
	if said, err := command.CombinedOutput(); err != nil {
		t.Skipf("tar: %v %s", err, said)
	}
	before, _ := os.Stat(filepath.Join(h.top, "bin/app"))
	h.unpack(app(t), harness.Object{"strip": 1})
	h.inSync(app(t), harness.Object{"strip": 1})
	after, _ := os.Stat(filepath.Join(h.top, "bin/app"))
	if !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Error("it was written again")
	}
}

func link(name, to string) *tar.Header {
	return &tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink, Mode: 0o777}
}

func TestNothingIsUnpackedOfWhatIsRefused(t *testing.T) {
	setuid := file("su", "x")
	setuid.Mode = 0o4755
	many := make([]*tar.Header, 0, maxMembers+1)
	for i := range maxMembers + 1 {
		many = append(many, file("d/"+strconv.Itoa(i), ""))
	}
	cases := map[string]string{
		"leads out of the archive":        packed(t, file("ok", "1"), file("../../etc/passwd", "x")),
		"is absolute":                     packed(t, file("/etc/passwd", "x")),
		"a/../../b":                       packed(t, file("a/../../b", "x")),
		"is no text":                      packed(t, file("a\x01b", "x")),
		"has a backslash":                 packed(t, file(`..\x`, "x")),
		"symbolic link out leads":         packed(t, link("out", "/etc")),
		"symbolic link d/up leads":        packed(t, link("d/up", "../../x")),
		"symbolic link round leads":       packed(t, link("round", "d/../../x")),
		"lies below d":                    packed(t, link("d", "e"), file("d/x", "x")),
		"as a directory and as a symlink": packed(t, file("d/x", "x"), link("d", "e")),
		"there twice, as a file":          packed(t, file("d", "x"), link("d", "e")),
		"another name for later":          packed(t, &tar.Header{Name: "h", Linkname: "later", Typeflag: tar.TypeLink}),
		"the name \"/etc/shadow\"":        packed(t, &tar.Header{Name: "h", Linkname: "/etc/shadow", Typeflag: tar.TypeLink}),
		"another name for itself":         packed(t, file("h", "x"), &tar.Header{Name: "h", Linkname: "h", Typeflag: tar.TypeLink}),
		"is a device, a pipe":             packed(t, &tar.Header{Name: "sda", Typeflag: tar.TypeBlock, Devmajor: 8}),
		"is setuid or setgid":             packed(t, setuid),
		"upper and lower case only":       packed(t, file("README", "x"), file("readme", "y")),
		"it ends in the middle":           app(t)[:1024+5],
		"it is broken, or no archive":     "this is none, but it is as long as a header has to be" + strings.Repeat("x", 600),
		"there is nothing in it":          packed(t),
		"has more than 1048576 bytes":     gzipped(packed(t, file("ok", "1"), file("zeros", strings.Repeat("\x00", megabyte)))),
		"more than 50000 members":         gzipped(packed(t, many...)),
		"more than 256 directories":       packed(t, file(strings.Repeat("a/", 256)+"x", "x")),
		"is there twice":                  zipped(t, "x", "1", "x", "2"),
		`the name "../x" leads out`:       zipped(t, "../x", "1"),
		"its list of members is too long": strings.Replace(zipped(t, "x", "1"), "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00", "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\xff\xff\xff", 1),
	}
	for said, content := range cases {
		h := try(t)
		message := h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(content), nil))
		if !strings.Contains(message, said) {
			t.Errorf("it says %q, and not that %q", message, said)
		}
		h.is("", false)
		if _, err := os.Stat(h.place); err == nil {
			t.Errorf("%s: it is on record", said)
		}
	}
	h := try(t)
	twice := packed(t, file("a/x", "1"), file("b/x", "2"))
	h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(twice), harness.Object{"strip": 1}))
	stripped := packed(t, file("a/x", "1"), link("a/up", "../b"), file("b", "2"))
	h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(stripped), harness.Object{"strip": 1}))
	h.unpack(packed(t, setuid), harness.Object{"setuid": true})
	if stat, _ := os.Stat(filepath.Join(h.top, "su")); stat.Mode()&fs.ModeSetuid == 0 {
		t.Error("setuid was not kept")
	}
}

// What is deep down costs no more for being many: with a walk to the top for each, this took minutes.
func TestManyFilesDeepDownAreNoTrouble(t *testing.T) {
	all, deep := newTree(1<<40), strings.Repeat("aaaaaaaaaaaaaa/", 255)
	for i := range maxMembers - 255 {
		if err := all.add(member{name: deep + strconv.Itoa(i), kind: entry.File}); err != nil {
			t.Fatal(err)
		}
	}
	if r := (rules{path: "/x"}); len(all.members) != maxMembers || r.spares(deep+"1") || r.except.has(deep+"1") {
		t.Error(len(all.members))
	}
	if err := all.add(member{name: deep + "1/x", kind: entry.File}); err == nil {
		t.Error("a file has become a directory")
	}
}

// zipped makes a zip of names and contents.
func zipped(t testing.TB, pairs ...string) string {
	t.Helper()
	var made bytes.Buffer
	writer := zip.NewWriter(&made)
	for i := 0; i < len(pairs); i += 2 {
		header := &zip.FileHeader{Name: pairs[i], Method: zip.Deflate}
		switch {
		case strings.HasSuffix(pairs[i], "->"):
			header.Name = strings.TrimSuffix(pairs[i], "->")
			header.SetMode(fs.ModeSymlink | 0o777)
		case strings.HasSuffix(pairs[i], ".sh"):
			header.SetMode(0o755)
		}
		part, err := writer.CreateHeader(header)
		if err == nil {
			_, err = part.Write([]byte(pairs[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = writer.Close()
	return made.String()
}

func TestAZipIsUnpackedToo(t *testing.T) {
	h := try(t)
	content := zipped(t, "d/", "", "d/run.sh", "run", "d/plain", "plain", "d/link->", "plain")
	h.unpack(content, nil)
	h.inSync(content, nil)
	if h.mode("d/run.sh") != 0o755 || h.mode("d/plain") != 0o644 || h.content("d/link") != "plain" {
		t.Error("another mode, or no link")
	}
	h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(zipped(t, "out->", "/etc")), nil))
	h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send("PK\x03\x04"+strings.Repeat("x", 100)), nil))
}

func TestAZipFromElsewhereHasUsableModes(t *testing.T) {
	h := try(t)
	var made bytes.Buffer
	writer := zip.NewWriter(&made)
	for _, name := range []string{"FOO-UNAR.TXT", "d/"} {
		part, err := writer.CreateHeader(&zip.FileHeader{Name: name, ExternalAttrs: 0x20}) // that of FAT: archived
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = part.Write([]byte("x"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = writer.Close()
	h.unpack(made.String(), nil)
	if h.mode("FOO-UNAR.TXT") != 0o644 || h.mode("d") != 0o755 {
		t.Errorf("other modes: %v %v", h.mode("FOO-UNAR.TXT"), h.mode("d"))
	}
}

func TestNamesAreTextOfAnyLanguage(t *testing.T) {
	h := try(t)
	h.top += ` "it's" $HOME; らとみ`
	content := packed(t, file(`d "x"/らとみ $(y).txt`, "x"))
	h.unpack(content, nil)
	h.inSync(content, nil)
	if h.unpack(content, nil)["changed"] != false || h.content(`d "x"/らとみ $(y).txt`) != "x" {
		t.Error("it changed again")
	}
}

func TestWhatThisProgramDoesNotUnpackAProgramDoes(t *testing.T) {
	for _, program := range []string{"xz", "zstd", "bzip2"} {
		t.Run(program, func(t *testing.T) {
			h := try(t)
			command := exec.Command(program, "-c")
			command.Stdin = strings.NewReader(app(t))
			content, err := command.Output()
			if err != nil {
				t.Skipf("%s: %v", program, err)
			}
			h.unpack(string(content), harness.Object{"strip": 1})
			h.inSync(string(content), harness.Object{"strip": 1})
			broken := string(content[:len(content)-60])
			h.Fails(fault.BadArchive, "archive.unpack", h.item(h.Send(broken), nil))
		})
	}
}

func TestWhatIsInTheWayIsLeftThere(t *testing.T) {
	h := try(t)
	content := packed(t, file("d/x", "x"), file("y", "y"))
	_ = os.MkdirAll(filepath.Join(h.top, "y/full"), 0o755)
	h.Fails(fault.WrongType, "archive.unpack", h.item(h.Send(content), nil))
	_ = os.RemoveAll(filepath.Join(h.top, "y"))
	elsewhere := t.TempDir()
	_ = os.Symlink(elsewhere, filepath.Join(h.top, "d"))
	h.Fails(fault.WrongType, "archive.unpack", h.item(h.Send(content), nil))
	if left, _ := os.ReadDir(elsewhere); len(left) > 0 {
		t.Error("it was unpacked behind a link")
	}
	_ = os.Remove(filepath.Join(h.top, "d"))
	_ = os.Symlink("nowhere", filepath.Join(h.top, "y"))
	h.unpack(content, nil) // a link gives way to a file
	h.inSync(content, nil)
	_ = os.RemoveAll(h.top)
	harness.Put(t, h.top, "a file")
	h.Fails(fault.NotDirectory, "archive.unpack", h.item(h.Send(content), nil))
	_ = os.Remove(h.top)
	_ = os.Symlink(elsewhere, h.top)
	h.Fails(fault.NotDirectory, "archive.unpack", h.item(h.Send(content), nil))
}

func TestWhatWasCutOffInTheMiddleIsSeenAndCarriedToItsEnd(t *testing.T) {
	h := try(t)
	var headers []*tar.Header
	for i := range 3 * together {
		headers = append(headers, file(time.Duration(i+1).String(), strings.Repeat("x", i%100)))
	}
	content := packed(t, headers...)
	h.Send(content)
	ctx, cancel := context.WithCancel(context.Background())
	kept := newRecords()
	kept.place = h.place
	f := newFamily(h.Host, kept)
	write, writes := f.commands["file.write"], 0
	f.commands["file.write"] = command.Command{Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
		if writes++; writes == 4 { // after the mark, the record, and some files
			cancel()
		}
		return write.Run(ctx, call)
	}}
	_, err := f.unpack(ctx, wire.Object{
		wire.F("path", h.top), wire.F("archive", digest.Of([]byte(content)).String()), wire.F("limit", int64(megabyte)),
	})
	if err == nil {
		t.Fatal("it was not cut off")
	}
	reply := h.look(content, nil)
	if total := reply["total"].(int64); reply["known"] != true || total == 0 || total >= 3*together {
		t.Fatalf("it is not seen that it was cut off in the middle: %v", total)
	}
	if reply := h.look(content, nil); reply["unfinished"] != true {
		t.Error("what was begun here is taken for somebody else's doing")
	}
	h.unpack(content, nil)
	h.inSync(content, nil)
	_ = os.Remove(filepath.Join(h.top, time.Duration(1).String()))
	if reply := h.look(content, nil); reply["total"] != int64(1) || reply["unfinished"] != nil {
		t.Errorf("what somebody has removed is taken for unfinished: %v", reply)
	}
	h.unpack(content, nil)
	h.Clean(h.top)
}

func TestWhatIsUnpackedGoesAndNothingElse(t *testing.T) {
	h := try(t)
	more := harness.Object{"strip": 1}
	gone := harness.Object{"strip": 1, "absent": true}
	if reply := h.look("", gone); reply["known"] != false {
		t.Errorf("nothing is there: %v", reply)
	}
	if h.OK("archive.unpack", harness.Object{"path": h.top, "absent": true})["changed"] != false {
		t.Error("nothing was there")
	}
	h.unpack(app(t), more)
	harness.Put(t, filepath.Join(h.top, "lib/mine"), "mine")
	_ = os.Remove(filepath.Join(h.top, "empty"))
	_ = os.Mkdir(filepath.Join(h.top, "empty"), 0o755)
	if reply := h.look("", gone); reply["known"] != true || reply["total"] != int64(5) {
		t.Errorf("other differences: %v", reply)
	}
	h.OK("archive.unpack", harness.Object{"path": h.top, "absent": true, "strip": 1})
	for name, there := range map[string]bool{"bin": false, "key": false, "lib/one": false, "lib/mine": true, "empty": true} {
		h.is(name, there)
	}
	if reply := h.look("", gone); reply["known"] != false {
		t.Errorf("it is still on record: %v", reply)
	}
}

func TestTheDirectoryGoesOnlyIfItWasMadeForIt(t *testing.T) {
	content := packed(t, file("x", "1"))
	for _, there := range []bool{false, true} {
		h := try(t)
		if there {
			_ = os.Mkdir(h.top, 0o755)
		}
		h.unpack(content, nil)
		h.unpack(packed(t, file("y", "2")), nil)
		_ = os.Remove(filepath.Join(h.top, "x"))
		h.OK("archive.unpack", harness.Object{"path": h.top, "absent": true})
		h.is("", there)
		h.is("y", false)
	}
}

func TestARecordThatSomebodyElseCouldHaveWrittenIsNotBelieved(t *testing.T) {
	h := try(t)
	content := packed(t, file("x", "1"))
	h.unpack(content, nil)
	records, _ := filepath.Glob(h.place + "/*")
	for _, spoiled := range []string{"", "[]", `{"archive":"x"}`, `{"archive":"` + digest.Of([]byte(content)).String() + `","members":[["../x","file",0,0,"","",""]]}`} {
		harness.Put(t, records[0], spoiled)
		if reply := h.look(content, nil); reply["known"] != false {
			t.Errorf("%q is believed", spoiled)
		}
	}
	h.unpack(content, nil)
	h.inSync(content, nil)
	_ = os.Chmod(h.place, 0o777)
	h.Fails(fault.NotTheirs, "archive.look", h.item(digest.Of([]byte(content)).String(), nil))
}

func TestAFileOfTheTargetIsTakenIfItIsTheOne(t *testing.T) {
	h := try(t)
	content := packed(t, file("x", "1"))
	path := harness.Put(t, filepath.Join(t.TempDir(), "app.tar"), content)
	sum := digest.Of([]byte(content)).String()
	item := harness.Object{"path": path, "archive": sum, "limit": megabyte}
	h.Fails(fault.BadArchive, "archive.take", harness.Object{"path": path, "archive": digest.Of(nil).String(), "limit": megabyte})
	h.Fails(fault.BadArchive, "archive.take", harness.Object{"path": path, "archive": sum, "limit": 10})
	h.Fails(fault.NotFound, "archive.take", harness.Object{"path": path + "x", "archive": sum, "limit": 10})
	h.Fails(fault.BadRequest, "archive.take", harness.Object{"path": path, "limit": 10})
	h.Fails(fault.BlobMissing, "archive.unpack", h.item(sum, nil))
	h.OK("archive.take", item)
	h.OK("archive.take", item)
	h.OK("archive.unpack", h.item(sum, nil))
	h.inSync(content, nil)
}

func TestADownloadCountsIfItIsTheOne(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	h := try(t)
	content := packed(t, file("x", strings.Repeat("1", 300_000)))
	sum := digest.Of([]byte(content)).String()
	waits := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/app.tar":
			_, _ = w.Write([]byte(content))
		case "/short":
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("x"))
		case "/moved":
			http.Redirect(w, r, "/app.tar", http.StatusFound)
		case "/local":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/slow":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-waits
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	defer close(waits)
	item := func(path string, limit int) harness.Object {
		return harness.Object{"url": server.URL + path, "archive": sum, "limit": limit}
	}
	h.Fails(fault.BadArchive, "archive.fetch", item("/app.tar", 1000))
	for path, said := range map[string]string{"/missing": "404", "/short": "downloaded", "/local": "downloaded", "/moved": "downloaded"} {
		if message := h.Fails(fault.ToolFailed, "archive.fetch", item(path, megabyte)); !strings.Contains(message, said) {
			t.Errorf("%s: %s", path, message)
		}
	}
	h.Fails(fault.Timeout, "archive.fetch", harness.Object{"url": server.URL + "/slow", "archive": sum, "limit": megabyte, "timeout_ms": 200})
	h.Fails(fault.BadArchive, "archive.fetch", harness.Object{"url": server.URL + "/app.tar", "archive": digest.Of(nil).String(), "limit": megabyte})
	h.Fails(fault.BadRequest, "archive.fetch", harness.Object{"url": "file:///etc/passwd", "archive": sum, "limit": megabyte})
	h.Fails(fault.BadRequest, "archive.fetch", harness.Object{"url": "https://x/ y", "archive": sum})
	h.OK("archive.fetch", item("/app.tar", megabyte))
	h.OK("archive.fetch", item("/app.tar", megabyte))
	h.OK("archive.unpack", h.item(sum, nil))
	h.inSync(content, nil)
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	h := try(t)
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	message := h.Fails(fault.ToolFailed, "archive.fetch", harness.Object{"url": server.URL + "/", "archive": digest.Of(nil).String(), "limit": megabyte})
	if !strings.Contains(message, "certificate") {
		t.Errorf("it says %q", message)
	}
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(app(f)))
	f.Add([]byte(gzipped(app(f))))
	f.Add([]byte(zipped(f, "d/", "", "d/run.sh", "run", "d/link->", "plain")))
	f.Fuzz(func(t *testing.T, content []byte) {
		found, err := members(context.Background(), bytes.NewReader(content), int64(len(content)), megabyte, nil)
		if err != nil {
			return
		}
		for _, m := range found.sorted() {
			if name, err := clean(m.name); err != nil || name != m.name || name == "" {
				t.Errorf("the name %q came through", m.name)
			}
			if m.to != "" && !inside(m.name, m.to) {
				t.Errorf("the link %q to %q came through", m.name, m.to)
			}
		}
	})
}
