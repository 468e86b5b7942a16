package regolang

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"froyo.dev/compiler/internal/requests"
)

// FormatArguments are what Format works on: files by path.
type FormatArguments struct {
	Files map[string]string `json:"files"`
}

// Formatted are files as they should be written. Those that do not parse are not among them.
type Formatted struct {
	Files    map[string]string  `json:"files"`
	Problems []requests.Problem `json:"problems"`
}

// Format writes Rego as `opa fmt` does.
func Format(arguments FormatArguments) (*Formatted, error) {
	answer := &Formatted{Files: map[string]string{}, Problems: []requests.Problem{}}
	for _, name := range slices.Sorted(maps.Keys(arguments.Files)) {
		written, err := format.SourceWithOpts(name, []byte(arguments.Files[name]), format.Opts{
			RegoVersion:   ast.RegoV1,
			ParserOptions: &ast.ParserOptions{RegoVersion: ast.RegoV1},
		})
		if err != nil {
			answer.Problems = append(answer.Problems, problemsOf(err, name)...)
			continue
		}
		answer.Files[name] = string(written)
	}
	return answer, nil
}
