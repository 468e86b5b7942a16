package packages

import (
	"path"
	"strings"

	"froyo.dev/runner/internal/fault"
)

// bound is one condition of a range.
type bound struct{ operator, version string }

// Range is what a version may be: one, or all between bounds, in some order.
type Range struct {
	bounds []bound
	order  func(a, b string) int
}

// operators, the longer ones first.
var operators = []string{">=", "<=", ">>", "<<", ">", "<", "="}

// ParseRange reads "1.2-3", "1.2*", or bounds such as ">=1.2,<2". What is empty is any version.
func ParseRange(text string, order func(a, b string) int) (Range, error) {
	found := Range{order: order}
	if text == "" {
		return found, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		one := bound{"=", strings.TrimSpace(part)}
		for _, operator := range operators {
			if rest, is := strings.CutPrefix(one.version, operator); is {
				one = bound{operator, strings.TrimSpace(rest)}
				break
			}
		}
		if !isVersion(strings.ReplaceAll(one.version, "*", "")) || one.operator != "=" && strings.Contains(one.version, "*") {
			return found, fault.New(fault.BadRequest, "version: %q is neither a version nor bounds such as >=1.2,<2", text)
		}
		found.bounds = append(found.bounds, one)
	}
	return found, nil
}

func isVersion(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isDigit(c) && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !strings.ContainsRune(".+-~:_^", rune(c)) {
			return false
		}
	}
	return text != "" && len(text) <= 256
}

// Has says whether a version is within all bounds.
func (r Range) Has(version string) bool {
	for _, one := range r.bounds {
		if strings.Contains(one.version, "*") {
			if matches, _ := path.Match(one.version, version); !matches {
				return false
			}
			continue
		}
		order := r.order(version, one.version)
		switch one.operator {
		case "=":
			if order != 0 {
				return false
			}
		case ">=":
			if order < 0 {
				return false
			}
		case "<=":
			if order > 0 {
				return false
			}
		case ">", ">>":
			if order <= 0 {
				return false
			}
		default:
			if order >= 0 {
				return false
			}
		}
	}
	return true
}
