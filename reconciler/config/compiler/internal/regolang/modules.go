// Package regolang answers the requests about Rego.
package regolang

import (
	"errors"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"froyo.dev/compiler/internal/requests"
)

// unavailable reach out of the policy: what they answer is no part of its input, and they are declared nowhere.
var unavailable = []string{"http.send", "net.lookup_ip_addr", "opa.runtime"}

// Place is where something stands.
type Place = requests.Place

// capabilities are all that Rego has, but for what reaches out and what is refused.
func capabilities(refused []string) *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	all.AllowNet = []string{}
	all.Builtins = slices.DeleteFunc(all.Builtins, func(one *ast.Builtin) bool {
		return slices.Contains(unavailable, one.Name) || slices.Contains(refused, one.Name)
	})
	return all
}

// parse reads files, in order of their names.
func parse(files map[string]string, able *ast.Capabilities) (map[string]*ast.Module, []requests.Problem) {
	modules := map[string]*ast.Module{}
	problems := []requests.Problem{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		module, err := ast.ParseModuleWithOpts(name, files[name], ast.ParserOptions{
			RegoVersion:       ast.RegoV1,
			Capabilities:      able,
			ProcessAnnotation: true,
		})
		switch {
		case err != nil:
			problems = append(problems, problemsOf(err, name)...)
		case module == nil:
			problems = append(problems, requests.Problem{
				Message: "this is no policy: it is empty", Place: Place{File: name},
			})
		default:
			modules[name] = module
		}
	}
	return modules, problems
}

// problemsOf are what the library says, with places.
func problemsOf(err error, name string) []requests.Problem {
	var several ast.Errors
	var single *ast.Error
	if !errors.As(err, &several) {
		if !errors.As(err, &single) {
			return []requests.Problem{{Message: err.Error(), Place: Place{File: name}}}
		}
		several = ast.Errors{single}
	}
	var problems []requests.Problem
	for _, one := range several {
		problem := requests.Problem{Message: one.Code + ": " + one.Message, Place: Place{File: name}}
		if one.Location != nil {
			problem.Place = placeOf(one.Location)
		}
		if one.Details != nil {
			for _, line := range one.Details.Lines() {
				problem.Message += "\n" + line
			}
		}
		problems = append(problems, problem)
	}
	return problems
}

func placeOf(location *ast.Location) Place {
	if location == nil {
		return Place{}
	}
	return Place{File: location.File, Line: location.Row, Column: location.Col}
}
