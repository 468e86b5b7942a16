// Package cuelang answers the requests about CUE.
package cuelang

import (
	"encoding/json"
	"path"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"

	"froyo.dev/compiler/internal/requests"
)

// EvaluateArguments are what Evaluate works on.
type EvaluateArguments struct {
	// Files are the CUE files of a source by path, with cue.mod/module.cue where there is one.
	Files map[string]string `json:"files"`
	// Library are definitions that any file may import, by import path.
	Library map[string]string `json:"library"`
	// Tags are the values of @tag, and "true" for what @if asks for. Those that no file knows are passed over.
	Tags map[string]string `json:"tags"`
	// Only are the programs that are wanted, by name; all of them if it is absent. What they build on is evaluated with them.
	Only []string `json:"only,omitempty"`
	// Precise asks for the place of each struct's own field, which takes longer than all the rest.
	Precise bool `json:"precise,omitempty"`
}

// Evaluated is what Evaluate answers.
type Evaluated struct {
	Programs []Program          `json:"programs"`
	Problems []requests.Problem `json:"problems"`
	// Aside are the programs whose files all set themselves aside (@if, @ignore), by name.
	Aside []string `json:"aside"`
	// Tags are the names that Tags could have had.
	Tags []string `json:"tags"`
}

// Program is what became of one package of one directory, or of one file.
type Program struct {
	Name string `json:"name"`
	// Files are those that it was made of. Places have their index here.
	Files []string `json:"files"`
	// Constrains says that it has a definition that manifests beside it are held to.
	Constrains bool     `json:"constrains,omitempty"`
	Objects    []Object `json:"objects"`
}

// Object is a concrete value with an apiVersion and a kind.
type Object struct {
	// Path is where it is in the program's value.
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
	Place *Tree           `json:"place"`
}

// Evaluate makes all that is declared in CUE files.
func Evaluate(arguments EvaluateArguments) (*Evaluated, error) {
	sources := newSources(arguments.Files, arguments.Library)
	sources.narrow(arguments.Only)
	programs, err := sources.load(arguments.Tags)
	if err != nil {
		return nil, err
	}
	answer := &Evaluated{Programs: []Program{}, Problems: []requests.Problem{}, Aside: []string{}, Tags: sources.names()}
	complaints := newComplaints(arguments.Files)
	context := cuecontext.New()
	made := map[string]map[string]string{}
	for _, one := range programs {
		if one.aside {
			answer.Aside = append(answer.Aside, one.name)
			continue
		}
		value := valueOf(context, one, complaints)
		if value == nil {
			continue
		}
		found := newCollector(one.program, *value, complaints)
		found.precise = arguments.Precise
		found.collect(*value)
		for _, object := range found.objects {
			object.Place.settle(found.places.uses)
			if arguments.Precise {
				object.Place.narrow(found.places.uses)
			}
		}
		program := Program{
			Name:       one.name,
			Files:      filesOf(one.instance, arguments.Files, found.places.files),
			Constrains: value.LookupPath(constraint).Exists(),
			Objects:    inherited(one.program, made, found.objects),
		}
		answer.Programs = append(answer.Programs, program)
	}
	answer.Problems = append(answer.Problems, complaints.problems...)
	return answer, nil
}

// valueOf makes the value of a program, or says what is wrong with it.
func valueOf(context *cue.Context, one loaded, complaints *complaints) *cue.Value {
	if one.instance.Err != nil {
		complaints.add(one.instance.Err, one.program)
		return nil
	}
	value := context.BuildInstance(one.instance)
	if err := value.Validate(); err != nil {
		complaints.addOf(err, one.program, value)
		return nil
	}
	return &value
}

// inherited leaves out what the same package has in a directory above: its files are a part of both.
func inherited(one program, made map[string]map[string]string, objects []Object) []Object {
	if one.file != "" {
		return objects
	}
	mine := map[string]string{}
	for _, object := range objects {
		mine[object.Path] = string(object.Value)
	}
	made[one.name] = mine
	for directory := one.directory; directory != one.root && directory != "."; {
		directory = path.Dir(directory)
		above := made[directory+":"+one.pkg]
		objects = slices.DeleteFunc(objects, func(object Object) bool {
			value, there := above[object.Path]
			return there && value == string(object.Value)
		})
	}
	return objects
}

// filesOf are the files of the request that a program was made of: those that places are in first.
func filesOf(instance *build.Instance, sent map[string]string, placed []string) []string {
	files := requests.Listed(slices.Clone(placed))
	var add func(*build.Instance)
	seen := map[*build.Instance]bool{}
	add = func(one *build.Instance) {
		if seen[one] {
			return
		}
		seen[one] = true
		for _, file := range one.Files {
			name := named(file.Filename)
			if _, known := sent[name]; known && !slices.Contains(files, name) {
				files = append(files, name)
			}
		}
		for _, imported := range one.Imports {
			add(imported)
		}
	}
	add(instance)
	return files
}
