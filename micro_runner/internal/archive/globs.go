package archive

import (
	"path"
	"strings"

	"froyo.dev/runner/internal/command"
)

// globs are held against names below the directory: one without "/" against the last part of a name, one with "/" against all of it, in
// which "**" stands for any number of parts.
type globs []string

func readGlobs(a *command.Arguments, field string) globs {
	patterns := globs(a.Strings(field))
	for i, one := range patterns {
		patterns[i] = strings.TrimSuffix(one, "/**")
		if _, err := path.Match(one, ""); err != nil || one == "" {
			a.Fail(field, "not a glob: "+one)
		}
	}
	return patterns
}

// has says whether any of them matches a name, or a directory that it lies in.
func (g globs) has(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		for _, one := range g {
			if matches(one, name) {
				return true
			}
		}
	}
	return false
}

func matches(pattern, name string) bool {
	if !strings.Contains(pattern, "/") && pattern != "**" {
		ok, _ := path.Match(pattern, path.Base(name))
		return ok
	}
	return matchParts(strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(name, "/"))
}

// matchParts takes time in proportion to pattern times name: it goes back to the last "**" only.
func matchParts(pattern, name []string) bool {
	at, i, backAt, backI := 0, 0, -1, 0
	for i < len(name) {
		if at < len(pattern) && pattern[at] == "**" {
			backAt, backI = at, i
			at++
			continue
		}
		if at < len(pattern) {
			if ok, _ := path.Match(pattern[at], name[i]); ok {
				at, i = at+1, i+1
				continue
			}
		}
		if backAt < 0 {
			return false
		}
		backI++
		at, i = backAt+1, backI
	}
	for at < len(pattern) && pattern[at] == "**" {
		at++
	}
	return at == len(pattern)
}
