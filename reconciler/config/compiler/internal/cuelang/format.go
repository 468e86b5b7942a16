package cuelang

import (
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"

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

// Format writes CUE as `cue fmt` does.
func Format(arguments FormatArguments) (*Formatted, error) {
	complaints := newComplaints(arguments.Files)
	answer := &Formatted{Files: map[string]string{}}
	for name, content := range arguments.Files {
		file, err := parser.ParseFile(name, content, parser.ParseComments)
		if err == nil {
			var written []byte
			if written, err = format.Node(file); err == nil {
				answer.Files[name] = string(written)
			}
		}
		if err != nil {
			complaints.add(err, program{file: name})
		}
	}
	answer.Problems = requests.Listed(complaints.problems)
	return answer, nil
}
