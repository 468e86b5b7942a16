package archive

import (
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"froyo.dev/runner/internal/command"
)

// glob is held against names below the directory: one without "/" against the last part of a name, one with "/" against all of it, in which
// "**" stands for any number of parts, also none.
type glob struct {
	is   *regexp.Regexp
	last bool
}

type globs []glob

func readGlobs(a *command.Arguments, field string) globs {
	var all globs
	for _, pattern := range a.Strings(field) {
		one, err := compile(pattern)
		if err != nil {
			a.Fail(field, "not a glob: "+pattern)
			return nil
		}
		all = append(all, one)
	}
	return all
}

// has says whether any of them matches a name, or a directory that it lies in.
func (g globs) has(name string) bool {
	for ; len(g) > 0 && name != "."; name = path.Dir(name) {
		for _, one := range g {
			text := name
			if one.last {
				text = path.Base(name)
			}
			if one.is.MatchString(text) {
				return true
			}
		}
	}
	return false
}

// compile makes an expression of a glob, which takes linear time.
func compile(pattern string) (glob, error) {
	last := !strings.Contains(pattern, "/") && pattern != "**"
	parts := strings.Split(strings.Trim(strings.TrimSuffix(pattern, "/**"), "/"), "/")
	var text strings.Builder
	text.WriteString(`^`)
	for i, part := range parts {
		switch end := i == len(parts)-1; {
		case part == "**" && i == 0 && end:
			text.WriteString(`.*`)
		case part == "**" && end:
			text.WriteString(`(?:/[^/]+)*`)
		case part == "**":
			text.WriteString(`(?:[^/]+/)*`)
		default:
			text.WriteString(expression(part))
			if !end && !(i == len(parts)-2 && parts[i+1] == "**") {
				text.WriteString(`/`)
			}
		}
	}
	text.WriteString(`$`)
	is, err := regexp.Compile(text.String())
	return glob{is, last}, err
}

// expression is that of one part; what has no end in it is refused by whoever compiles it.
func expression(part string) string {
	var text strings.Builder
	for rest := part; rest != ""; {
		one, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		switch one {
		case '*':
			text.WriteString(`[^/]*`)
		case '?':
			text.WriteString(`[^/]`)
		case '[':
			text.WriteByte('[')
			if inverse, found := strings.CutPrefix(rest, "!"); found {
				text.WriteByte('^')
				rest = inverse
			}
			end := strings.IndexByte(rest[min(1, len(rest)):], ']') + 1 // the first may be a bracket itself
			if end == 0 {
				return `[`
			}
			text.WriteString(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`).Replace(rest[:end]) + `]`)
			rest = rest[end+1:]
		default:
			text.WriteString(regexp.QuoteMeta(string(one)))
		}
	}
	return text.String()
}
