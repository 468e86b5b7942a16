package cuelang

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	cuejson "cuelang.org/go/encoding/json"

	"froyo.dev/compiler/internal/requests"
)

// constraint is the definition that manifests beside a package, and below its directory, are held to.
var constraint = cue.ParsePath("#Manifest")

// VetArguments are what Vet works on: the files as Evaluate takes them, and data.
type VetArguments struct {
	EvaluateArguments
	Data []Datum `json:"data"`
}

// Datum is one document of a file.
type Datum struct {
	File  string          `json:"file"`
	Value json.RawMessage `json:"value"`
}

// Vetted is what Vet answers. A problem says of which datum it is, and its path leads into that.
type Vetted struct {
	Problems []requests.Problem `json:"problems"`
}

// Vet holds data to the constraints of the packages in its directory and in those above.
func Vet(arguments VetArguments) (*Vetted, error) {
	sources := newSources(arguments.Files, arguments.Library)
	programs, err := sources.load(arguments.Tags)
	if err != nil {
		return nil, err
	}
	complaints := newComplaints(arguments.Files)
	context := cuecontext.New()
	constraints := map[string][]cue.Value{}
	for _, one := range programs {
		if one.file != "" {
			one.directory = path.Dir(one.file)
		}
		if one.aside {
			continue
		}
		value := valueOf(context, one, complaints)
		if value == nil {
			continue
		}
		if found := value.LookupPath(constraint); found.Exists() {
			constraints[one.directory] = append(constraints[one.directory], found)
		}
	}
	if len(complaints.problems) > 0 {
		return &Vetted{Problems: complaints.problems}, nil
	}
	// What a constraint says nothing of is allowed, though a definition is closed: it says something of some fields, and which
	// there are is known elsewhere.
	anything := context.CompileString("_")
	for index, datum := range arguments.Data {
		var held []cue.Value
		for directory := path.Dir(datum.File); ; directory = path.Dir(directory) {
			held = append(held, constraints[directory]...)
			if directory == "." {
				break
			}
		}
		if len(held) == 0 {
			continue
		}
		expression, err := cuejson.Extract(datum.File, datum.Value)
		if err != nil {
			return nil, err
		}
		value := context.BuildExpr(expression)
		for _, one := range held {
			complaints.vet(one.UnifyAccept(value, anything), datum, index)
		}
	}
	return &Vetted{Problems: requests.Listed(complaints.problems)}, nil
}

// vet complains of a datum that does not go with a constraint.
func (c *complaints) vet(value cue.Value, datum Datum, index int) {
	err := value.Validate(cue.Concrete(true), cue.Final())
	for _, one := range each(err) {
		problem := c.problem(one, program{})
		problem.Others = slices.DeleteFunc(append([]requests.Place{problem.Place}, problem.Others...), func(place requests.Place) bool {
			return place.Line == 0 || place.File == datum.File
		})
		problem.Place = requests.Place{File: datum.File}
		problem.Document = &index
		if len(problem.Path) > 0 && problem.Path[0] == constraint.String() {
			problem.Path = problem.Path[1:]
			_, problem.Message, _ = strings.Cut(problem.Message, ": ")
		}
		c.addProblem(problem)
	}
}
