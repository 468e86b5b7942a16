package account

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

// key is a line of a file of authorized keys, as sshd(8) has it.
type key struct {
	options, kind, comment string
	blob                   []byte
}

// parse reads a line as sshd does, for which a line ends with a null byte, too; false where it holds no key.
func parse(line string) (key, bool) {
	line, _, _ = strings.Cut(line, "\x00")
	rest := strings.TrimLeft(strings.TrimRight(line, "\r"), " \t")
	if k, ok := bare(rest); ok || strings.HasPrefix(rest, "#") {
		return k, ok
	}
	end := optionsEnd(rest)
	if end < 0 {
		return key{}, false
	}
	k, ok := bare(strings.TrimLeft(rest[end:], " \t"))
	k.options = rest[:end]
	return k, ok
}

// skipped is what sshd skips in base64, beside the ends of lines: who could hide a key by it would keep one that is to go.
var skipped = strings.NewReplacer("\v", "", "\f", "")

// bare reads a key without options. What says of itself what it is needs no list of kinds.
func bare(text string) (key, bool) {
	kind, rest, _ := cut(text)
	encoded, comment, _ := cut(rest)
	blob, err := base64.StdEncoding.DecodeString(skipped.Replace(encoded))
	if err != nil || kind == "" || len(blob) < 4+len(kind) || int64(binary.BigEndian.Uint32(blob)) != int64(len(kind)) || string(blob[4:4+len(kind)]) != kind {
		return key{}, false
	}
	return key{kind: kind, blob: blob, comment: strings.TrimSpace(comment)}, true
}

func cut(text string) (word, rest string, found bool) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, "", false
	}
	return text[:i], strings.TrimLeft(text[i:], " \t"), true
}

// optionsEnd is where the options of a line end: at the first space that is not within quotes; -1 where that never comes.
func optionsEnd(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return i
		}
	}
	return -1
}

func (k *key) String() string {
	line := k.kind + " " + base64.StdEncoding.EncodeToString(k.blob)
	if k.options != "" {
		line = k.options + " " + line
	}
	if k.comment != "" {
		line += " " + k.comment
	}
	return line
}

// fingerprint is what `ssh-keygen -l` calls it.
func (k *key) fingerprint() string {
	sum := sha256.Sum256(k.blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func (k *key) is(other *key) bool { return bytes.Equal(k.blob, other.blob) }

// edited gives a file of authorized keys with the wanted ones, or without them, and with `exclusive` with none but them. Of a key that stands
// there more than once only the first stays, since sshd would let in by any. What is no key stays, unless it is to hold nothing else.
func edited(content string, wanted []key, absent, exclusive bool) string {
	var lines []string
	placed := make([]bool, len(wanted))
	for line := range strings.SplitSeq(strings.TrimSuffix(content, "\n"), "\n") {
		k, ok := parse(line)
		at := -1
		if ok {
			at = slices.IndexFunc(wanted, func(one key) bool { return one.is(&k) })
		}
		switch text := strings.TrimSpace(line); {
		case at >= 0 && (absent || placed[at]):
			continue
		case at >= 0 && k.options == wanted[at].options:
			placed[at] = true
		case at >= 0:
			placed[at] = true
			k.options = wanted[at].options
			line = k.String()
		case exclusive && text != "" && text[0] != '#':
			continue
		}
		lines = append(lines, line)
	}
	if content == "" {
		lines = nil
	}
	for i := range wanted {
		if !absent && !placed[i] {
			lines = append(lines, wanted[i].String())
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
