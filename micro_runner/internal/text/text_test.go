package text

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/wire"
)

type object = harness.Object

// TestMain is, too, what a program is run by.
func TestMain(m *testing.M) {
	if len(os.Args) >= 4 && os.Args[1] == execute.GuardMode {
		os.Exit(execute.Guard(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// made is what comes of an edit of a file with a content, which has to be seen as needed before, and as done afterwards.
type made struct {
	t    testing.TB
	h    *harness.Harness
	path string
}

func begin(t testing.TB, content string) *made {
	return &made{t, harness.New(t, Commands), harness.Put(t, filepath.Join(t.TempDir(), "file.conf"), content)}
}

// edit takes `content` for what is declared.
func (m *made) items(fields object) (looks, edits object) {
	looks, edits = object{"path": m.path}, object{"path": m.path}
	for key, value := range fields {
		if key != "content" {
			looks[key], edits[key] = value, value
			continue
		}
		content := value.(string)
		looks["digest"], looks["size"] = digest.Of([]byte(content)).String(), len(content)
		edits["blob"], edits["size"] = m.h.Send(content), len(content)
		if fields["absent"] == true {
			edits["digest"] = edits["blob"]
			delete(edits, "blob")
		}
	}
	return looks, edits
}

// edit makes an edit, and gives what is in the file then.
func (m *made) edit(fields object) string {
	m.t.Helper()
	looks, edits := m.items(fields)
	before := harness.Content(m.t, m.path)
	seen := m.h.OK("text.look", looks)
	if state, ok := seen["edit"]; ok {
		edits["expect"] = state
	}
	changed := m.h.OK("text.edit", edits)["changed"]
	after := harness.Content(m.t, m.path)
	if changed != (before != after) || changed != (seen["edit"] != nil) {
		m.t.Fatalf("%v: changed is %v, from %q to %q, and the look said %v", fields, changed, before, after, seen)
	}
	if again := m.h.OK("text.look", looks); again["edit"] != nil || again["there"] == fields["absent"] {
		m.t.Fatalf("%v: not done: %v, from %q to %q", fields, again, before, after)
	}
	if m.h.OK("text.edit", edits)["changed"] != false || harness.Content(m.t, m.path) != after {
		m.t.Fatalf("%v: made twice: %q, %q", fields, after, harness.Content(m.t, m.path))
	}
	m.h.Clean(filepath.Dir(m.path))
	return after
}

func TestALine(t *testing.T) {
	for name, one := range map[string]struct {
		before string
		edit   object
		after  string
	}{
		"comes at the end":                          {"a\n", object{"content": "b"}, "a\nb\n"},
		"comes into an empty file":                  {"", object{"content": "b"}, "b\n"},
		"comes at the beginning":                    {"a\n", object{"content": "b", "at": "begin"}, "b\na\n"},
		"that is there stays where it is":           {"b\na\n", object{"content": "b", "after": "^a"}, "b\na\n"},
		"comes behind the last that matches":        {"x1\nx2\ny\n", object{"content": "b", "after": "^x"}, "x1\nx2\nb\ny\n"},
		"comes before the first that matches":       {"y\nx1\nx2\n", object{"content": "b", "before": "^x"}, "y\nb\nx1\nx2\n"},
		"ends a last line that has no end":          {"a", object{"content": "b"}, "a\nb\n"},
		"before a last line without an end":         {"a", object{"content": "b", "before": "a"}, "b\na"},
		"ends as its neighbour does":                {"a\r\nc\r\n", object{"content": "b", "after": "a"}, "a\r\nb\r\nc\r\n"},
		"keeps both ways to end lines":              {"a\r\nc\n", object{"content": "b"}, "a\r\nc\nb\n"},
		"keeps the mark at the beginning":           {"\xef\xbb\xbfa\n", object{"content": "b", "at": "begin"}, "\xef\xbb\xbfb\na\n"},
		"is found behind the mark":                  {"\xef\xbb\xbfa=1\n", object{"content": "a=2", "match": "^a="}, "\xef\xbb\xbfa=2\n"},
		"leaves bytes of other encodings":           {"\xe9t\xe9\n\x00\n", object{"content": "é"}, "\xe9t\xe9\n\x00\né\n"},
		"takes the place of the one that matches":   {"x\n#a=1\ny\n", object{"content": "a=2", "match": "^#?a="}, "x\na=2\ny\n"},
		"takes it without an end at the end":        {"x\na=1", object{"content": "a=2", "match": "^a="}, "x\na=2"},
		"takes the first":                           {"a=1\na=3\n", object{"content": "a=2", "match": "^a=", "several": "first"}, "a=2\na=3\n"},
		"takes the last":                            {"a=1\na=3\n", object{"content": "a=2", "match": "^a=", "several": "last"}, "a=1\na=2\n"},
		"takes the place of all":                    {"a=1\nx\na=3", object{"content": "a=2", "match": "^a=", "several": "all"}, "a=2\nx\n"},
		"and others that match":                     {"a=1\na=2\n", object{"content": "a=2", "match": "^a="}, "a=1\na=2\n"},
		"and all others that match, gone":           {"a=1\na=2\n", object{"content": "a=2", "match": "^a=", "several": "all"}, "a=2\n"},
		"that need not match itself":                {"a=1\n", object{"content": "b", "match": "^a="}, "b\n"},
		"gone wherever it is":                       {"a\nb\na\n", object{"content": "a", "absent": true}, "b\n"},
		"gone with all that match":                  {"a=1\nb\n#a=2", object{"match": "^#?a=", "absent": true}, "b\n"},
		"gone leaves the end of the others":         {"a\r\nb\r\nc", object{"content": "b", "absent": true}, "a\r\nc"},
		"gone that was never there":                 {"x", object{"content": "a", "absent": true}, "x"},
		"gone lets the next one be read":            {"x\n\xef\xbb\xbfx\ny\n", object{"match": "^x", "absent": true}, "\xef\xbb\xbfy\n"},
		"with spaces and other signs":               {"a\n", object{"content": "  $1 \\1 %s ${x}\t"}, "a\n  $1 \\1 %s ${x}\t\n"},
		"literally, by RE2's quoting":               {"a.b=1\naxb=1\n", object{"content": "a.b=2", "match": `^\Qa.b=\E`}, "a.b=2\naxb=1\n"},
		"stays away where nothing is its place":     {"a\n", object{"content": "c", "before": "^x"}, ""},
		"a carriage return alone ends no line":      {"a\rb\n", object{"content": "c", "after": "^b"}, ""},
		"that nothing is behind gets its end again": {"a\r\nb", object{"content": "c"}, "a\r\nb\r\nc\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, one.before)
			if one.after == "" {
				looks, edits := m.items(one.edit)
				if obstacles := m.h.OK("text.look", looks)["obstacles"]; len(obstacles.([]any)) != 1 {
					t.Error(obstacles)
				}
				m.h.Fails(fault.NoPlace, "text.edit", edits)
			} else if after := m.edit(one.edit); after != one.after {
				t.Errorf("%q, want %q", after, one.after)
			}
		})
	}
}

func block(fields object) object {
	with := object{"begin": "# BEGIN x", "end": "# END x"}
	for key, value := range fields {
		with[key] = value
	}
	return with
}

func TestABlock(t *testing.T) {
	const b, e = "# BEGIN x\n", "# END x\n"
	for name, one := range map[string]struct {
		before string
		edit   object
		after  string // "": no place for it
	}{
		"comes at the end":                       {"a\n", object{"content": "1\n2\n"}, "a\n" + b + "1\n2\n" + e},
		"need not be ended":                      {"a\n", object{"content": "1\n2"}, "a\n" + b + "1\n2\n" + e},
		"may be empty":                           {"a\n", object{"content": ""}, "a\n" + b + e},
		"may be an empty line":                   {"a\n", object{"content": "\n"}, "a\n" + b + "\n" + e},
		"may end in an empty line":               {"a\n", object{"content": "1\n\n"}, "a\n" + b + "1\n\n" + e},
		"an empty line is not nothing":           {b + "\n" + e, object{"content": ""}, b + e},
		"and nothing is no empty line":           {b + e, object{"content": "\n"}, b + "\n" + e},
		"comes behind a line":                    {"a\nc\n", object{"content": "1", "after": "^a"}, "a\n" + b + "1\n" + e + "c\n"},
		"is replaced where it is":                {"a\n" + b + "0\n" + e + "c\n", object{"content": "1", "at": "begin"}, "a\n" + b + "1\n" + e + "c\n"},
		"is replaced in a file with CRLF":        {"a\r\n# BEGIN x\r\n0\r\n# END x\r\n", object{"content": "1"}, "a\r\n# BEGIN x\r\n1\r\n# END x\r\n"},
		"is the same in a file with CRLF":        {"# BEGIN x\r\n1\r\n# END x\r\n", object{"content": "1\n"}, "# BEGIN x\r\n1\r\n# END x\r\n"},
		"that nothing ends stays so":             {b + "0\n# END x", object{"content": "1"}, b + "1\n# END x"},
		"markers may have spaces behind":         {"# BEGIN x \n1\n# END x\t\n", object{"content": "1"}, "# BEGIN x \n1\n# END x\t\n"},
		"that is there twice is there once":      {b + "0\n" + e + "a\n" + b + "1\n" + e, object{"content": "1"}, b + "1\n" + e + "a\n"},
		"that is right twice is there once":      {b + "1\n" + e + "a\n" + b + "1\n" + e, object{"content": "1"}, b + "1\n" + e + "a\n"},
		"gone":                                   {"a\n" + b + "1\n" + e + "c", object{"absent": true}, "a\nc"},
		"gone wherever it is":                    {b + e + "a\n" + b + "1\n" + e, object{"absent": true}, "a\n"},
		"that was never there":                   {"a", object{"absent": true}, "a"},
		"without an end that is right otherwise": {"a\n" + b + "1\n2\nc\n", object{"content": "1\n2"}, "a\n" + b + "1\n2\n" + e + "c\n"},
		"without a beginning that is":            {"a\n1\n2\n" + e + "c\n", object{"content": "1\n2"}, "a\n" + b + "1\n2\n" + e + "c\n"},
		"without an end, to go":                  {"a\n" + b + "1\nc\n", object{"content": "1", "absent": true}, "a\nc\n"},
		"without an end, and nothing in it":      {"a\n" + b, object{"content": ""}, "a\n" + b + e},
		"without an end":                         {"a\n" + b + "0\nc\n", object{"content": "1"}, ""},
		"without an end, at the end":             {"a\n" + b + "0", object{"content": "1\n2\n3"}, ""},
		"without a beginning":                    {"a\n0\n" + e, object{"content": "1"}, ""},
		"without a beginning, at the beginning":  {"0\n" + e, object{"content": "1\n2\n3"}, ""},
		"that begins twice":                      {b + b + "1\n" + e, object{"content": "1"}, ""},
		"that ends twice":                        {b + "1\n" + e + e, object{"content": "1"}, ""},
		"without an end, and unknown":            {"a\n" + b + "1\n", object{"absent": true}, ""},
		"of another name":                        {"# BEGIN y\n0\n# END y\n", object{"content": "1"}, "# BEGIN y\n0\n# END y\n" + b + "1\n" + e},
	} {
		t.Run(name, func(t *testing.T) {
			m := begin(t, one.before)
			if one.after == "" {
				looks, edits := m.items(block(one.edit))
				if obstacles := m.h.OK("text.look", looks)["obstacles"]; len(obstacles.([]any)) != 1 {
					t.Error(obstacles)
				}
				m.h.Fails(fault.NoPlace, "text.edit", edits)
				if harness.Content(t, m.path) != one.before {
					t.Error("it was touched")
				}
			} else if after := m.edit(block(one.edit)); after != one.after {
				t.Errorf("%q, want %q", after, one.after)
			}
		})
	}
}

// TestWhateverTheTextIs holds edits of random texts to what `edit` checks, and to the lines that they are not about.
func TestWhateverTheTextIs(t *testing.T) {
	pieces := []string{"a", "b=1", "b=2", "#b=1", "", " ", "# BEGIN x", "# END x", "\xef\xbb\xbf", "\xff\xfe", "\xe9", "\r", "\n", "\n", "\n", "\r\n", "\r\n"}
	edits := []object{
		{"content": "b=1"}, {"content": "b=1", "match": "^#?b="}, {"content": "b=1", "match": "^b=", "several": "all"},
		{"content": "b=1", "match": "^b=", "several": "first"}, {"content": "b=3", "match": "b", "several": "last", "at": "begin"},
		{"content": "b=1", "after": "a"}, {"content": "b=1", "before": "a"}, {"content": "b=1", "absent": true}, {"match": "^b", "absent": true},
		{"content": "\xef\xbb\xbfb", "at": "begin"}, {"match": "^$", "absent": true},
		block(object{"content": "a\nb=1"}), block(object{"content": "", "at": "begin"}), block(object{"content": "a", "after": "b"}), block(object{"content": "a", "absent": true}),
		block(object{"content": "\n", "before": "^a"}), block(object{"absent": true}),
	}
	random := rand.New(rand.NewPCG(1, 2))
	done := 0
	m := begin(t, "")
	for range 300 {
		var text strings.Builder
		for range random.IntN(14) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		fields := edits[random.IntN(len(edits))]
		if err := os.WriteFile(m.path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		_, item := m.items(fields)
		results, err := m.h.Run(context.Background(), "text.edit", item)
		if err != nil {
			t.Fatal(err)
		}
		if results[0]["error"] != nil { // it was refused, and nothing was done
			if got := harness.Content(t, m.path); got != text.String() {
				t.Fatalf("%v: %q has become %q", fields, text.String(), got)
			}
			continue
		}
		done++
		if err := os.WriteFile(m.path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		after := m.edit(fields)
		if before, now := others(text.String(), fields), others(after, fields); before != now {
			t.Fatalf("%v: from %q to %q", fields, text.String(), after)
		}
	}
	if done < 100 {
		t.Error(done)
	}
}

// others are the lines that no edit of the test is about, with their ends but for that of the last one.
func others(text string, fields object) string {
	about := func(content string) bool {
		return strings.Contains(content, "b") || strings.TrimRight(content, " \t") == "" || strings.Contains(content, "BEGIN x") || strings.Contains(content, "END x") ||
			fields["begin"] != nil && content == "a"
	}
	var kept []string
	if fields["begin"] != nil {
		text = regexp.MustCompile(`(?sm)^# BEGIN x[ \t]*\r?$.*?^# END x[ \t]*\r?$`).ReplaceAllString(text, "")
	}
	for _, one := range strings.SplitAfter(strings.ReplaceAll(text, "\xef\xbb\xbf", ""), "\n") {
		if content := strings.TrimRight(one, "\r\n"); !about(content) {
			kept = append(kept, content)
		}
	}
	return strings.Join(kept, "|")
}

func TestEditsOfOneFileComposeInOneCommand(t *testing.T) {
	m := begin(t, "a\n")
	var looks, edits []object
	for _, fields := range []object{{"content": "b"}, {"content": "c", "at": "begin"}, block(object{"content": "1", "after": "^a"}), {"content": "a2", "match": "^a$"}} {
		look, edit := m.items(fields)
		looks, edits = append(looks, look), append(edits, edit)
	}
	seen, err := m.h.Run(context.Background(), "text.look", looks...)
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range seen {
		edits[i]["expect"] = one["ok"].(object)["edit"]
	}
	done, err := m.h.Run(context.Background(), "text.edit", edits...)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range done {
		if one["ok"] == nil {
			t.Error(one)
		}
	}
	if got := harness.Content(t, m.path); got != "c\na2\n# BEGIN x\n1\n# END x\nb\n" {
		t.Errorf("%q", got)
	}
}

func TestWhatTheEditIsAboutHasChangedMeanwhile(t *testing.T) {
	m := begin(t, "a=1\n")
	looks, edits := m.items(object{"content": "a=2", "match": "^a="})
	edits["expect"] = m.h.OK("text.look", looks)["edit"]
	harness.Put(t, m.path, "x\na=1\ny\n")
	m.h.OK("text.edit", edits) // elsewhere
	harness.Put(t, m.path, "a=5\n")
	m.h.Fails(fault.Conflict, "text.edit", edits)
	if harness.Content(t, m.path) != "a=5\n" {
		t.Error("it was touched")
	}
	harness.Put(t, m.path, "a=2\n")
	if m.h.OK("text.edit", edits)["changed"] != false {
		t.Error("what somebody else has done was done again")
	}
}

func TestALookTellsWhatGoesAndWhatWouldDoAsWell(t *testing.T) {
	m := begin(t, "a=1\na=3\n")
	looks, _ := m.items(object{"content": "a=2", "match": "^a=", "several": "all", "text_max": 100})
	before := m.h.OK("text.look", looks)["before"].(object)
	if before["text"] != "a=1\na=3\n" || before["size"] != int64(8) {
		t.Error(before)
	}
	looks, _ = m.items(object{"content": "a=3", "match": "^a="})
	if seen := m.h.OK("text.look", looks); seen["others"] != int64(1) || seen["edit"] != nil || seen["mode"] != "0644" {
		t.Error(seen)
	}
	if err := os.Chmod(m.path, 0o600); err != nil {
		t.Fatal(err)
	}
	looks, _ = m.items(object{"content": "a=2", "match": "^a=1", "text_max": 100})
	if before := m.h.OK("text.look", looks)["before"].(object); before["text"] != nil {
		t.Error(before)
	}
	looks["private"] = true
	if before := m.h.OK("text.look", looks)["before"].(object); before["text"] != "a=1" {
		t.Error(before)
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	m := begin(t, "")
	m.path = filepath.Join(filepath.Dir(m.path), "new")
	looks, edits := m.items(object{"content": "a", "mode": "0600"})
	obstacles := m.h.OK("text.look", looks)["obstacles"].([]any)
	if one := obstacles[0].(object); one["code"] != "enoent" || one["subjects"].([]any)[0] != "path:"+m.path {
		t.Error(obstacles)
	}
	m.h.Fails(fault.NotFound, "text.edit", edits)
	looks["create"], edits["create"] = true, true
	if seen := m.h.OK("text.look", looks); seen["obstacles"] != nil || seen["exists"] != false {
		t.Error(seen)
	}
	m.h.OK("text.edit", edits)
	if stat, _ := os.Stat(m.path); stat.Mode() != 0o600 || harness.Content(t, m.path) != "a\n" {
		t.Error(stat.Mode())
	}
	m.path += "/below"
	looks, edits = m.items(object{"content": "a", "create": true})
	if seen := m.h.OK("text.look", looks); seen["obstacles"] == nil {
		t.Error(seen)
	}
	m.h.Fails(fault.NotDirectory, "text.edit", edits)
	looks, edits = m.items(object{"match": "a", "absent": true})
	if m.h.OK("text.look", looks)["edit"] != nil || m.h.OK("text.edit", edits)["changed"] != false {
		t.Error("there is nothing to do")
	}
}

func TestWhatIsNoTextFileOfOnesOwn(t *testing.T) {
	m := begin(t, "a\n")
	line := object{"content": "b"}
	for code, make := range map[fault.Code]func(path string) error{
		fault.IsDirectory: func(path string) error { return os.Mkdir(path, 0o755) },
		fault.WrongType:   func(path string) error { return os.Symlink(m.path, path) },
	} {
		other := *m
		other.path = filepath.Join(t.TempDir(), "x")
		if err := make(other.path); err != nil {
			t.Fatal(err)
		}
		looks, edits := other.items(line)
		m.h.Fails(code, "text.look", looks)
		m.h.Fails(code, "text.edit", edits)
	}
	harness.Put(t, m.path, "\xff\xfea\x00")
	looks, edits := m.items(line)
	m.h.Fails(fault.WrongType, "text.look", looks)
	m.h.Fails(fault.WrongType, "text.edit", edits)
	harness.Put(t, m.path, strings.Repeat("x", maxContent+1))
	m.h.Fails(fault.WrongType, "text.look", looks)
	harness.Put(t, m.path, strings.Repeat("x", maxContent))
	m.h.Fails(fault.WrongType, "text.edit", edits)
}

func TestBadQuestions(t *testing.T) {
	m := begin(t, "a\n")
	for _, fields := range []object{
		{}, {"match": "("}, {"match": "a"}, {"absent": true}, {"content": "b", "match": strings.Repeat("a", maxExpression+1)}, {"content": "b", "match": "a{2000}"},
		{"content": "b", "match": "(?=a)"}, {"content": "b", "several": "none"}, {"content": "b", "begin": "x"}, {"content": "b", "begin": "x", "end": "x"},
		{"content": "b", "begin": "x\n", "end": "y\nz"}, {"content": "b", "begin": "x", "end": "y", "match": "z"}, {"content": "b", "validate": "x"},
	} {
		looks, edits := m.items(fields)
		m.h.Fails(fault.BadRequest, "text.look", looks)
		m.h.Fails(fault.BadRequest, "text.edit", edits)
	}
	for _, fields := range []object{
		{"content": "b\nc"}, {"content": "b\n"}, {"content": ""}, {"content": "b\r"}, block(object{"content": "a\n# END x"}), block(object{"content": "a\r\n"}),
	} {
		_, edits := m.items(fields)
		m.h.Fails(fault.BadRequest, "text.edit", edits)
	}
	m.h.Fails(fault.BadRequest, "text.edit", object{"path": m.path, "text": strings.Repeat("a", maxText+1)})
	m.h.Fails(fault.BadRequest, "text.edit", object{"path": m.path, "text": 7})
	_, edits := m.items(object{"content": "b"})
	edits["size"] = 7
	m.h.Fails(fault.BadRequest, "text.edit", edits)
	edits["blob"] = digest.Of([]byte("nobody has sent it")).String()
	m.h.Fails(fault.BlobMissing, "text.edit", edits)
	if harness.Content(t, m.path) != "a\n" {
		t.Error("it was touched")
	}
}

func TestNewContentIsValidatedFirst(t *testing.T) {
	m := begin(t, "a\n")
	_, edits := m.items(object{"content": "b", "validate": []string{"grep", "-q", "^c", "%s"}})
	m.h.Fails(fault.ValidationFailed, "text.edit", edits)
	looks, _ := m.items(object{"content": "b", "validate": []string{"no-such-program", "%s"}})
	if obstacles := m.h.OK("text.look", looks)["obstacles"].([]any); obstacles[0].(object)["code"] != "command_not_found" {
		t.Error(obstacles)
	}
	edits["validate"] = []string{"grep", "-q", "^b", "%s"}
	m.h.OK("text.edit", edits)
	if harness.Content(t, m.path) != "a\nb\n" {
		t.Error("it was not made")
	}
	m.h.Clean(filepath.Dir(m.path))
}

func TestARaceWithSomebodyElseLosesNothing(t *testing.T) {
	m := begin(t, "")
	over := make(chan struct{})
	go func() { // somebody else who replaces the file with one that has a line more
		defer close(over)
		for i := range 50 {
			content, _ := os.ReadFile(m.path)
			_ = os.WriteFile(m.path+"~", append(content, fmt.Sprintf("theirs %d\n", i)...), 0o644)
			_ = os.Rename(m.path+"~", m.path)
		}
	}()
	for i := range 50 {
		_, edits := m.items(object{"content": fmt.Sprintf("ours %d", i)})
		results, err := m.h.Run(context.Background(), "text.edit", edits)
		if err != nil || results[0]["error"] != nil && results[0]["error"].(object)["code"] != "changing" {
			t.Fatal(results, err)
		}
	}
	<-over
	for _, one := range strings.Split(strings.TrimSpace(harness.Content(t, m.path)), "\n") {
		if !strings.HasPrefix(one, "ours ") && !strings.HasPrefix(one, "theirs ") {
			t.Errorf("half a line: %q", one)
		}
	}
}

func TestAShortContentMayStandInTheItem(t *testing.T) {
	m := begin(t, "a=1\n")
	edit := object{"path": m.path, "text": "a=2", "match": "^a="}
	if m.h.OK("text.edit", edit)["changed"] != true || m.h.OK("text.edit", edit)["changed"] != false || harness.Content(t, m.path) != "a=2\n" {
		t.Error(harness.Content(t, m.path))
	}
}

func TestWhatIsSettledIsNotReadAgain(t *testing.T) {
	s := &settled{replies: map[string]wire.Raw{}}
	for i := range maxSettled + 1 {
		s.put(fmt.Sprint(i), nil)
	}
	if s.get("0") != nil || s.get(fmt.Sprint(maxSettled)) == nil || len(s.replies) != 1 {
		t.Error(len(s.replies))
	}
}
