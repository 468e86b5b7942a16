package regolang

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"froyo.dev/compiler/internal/requests"
)

// CheckArguments are what Check works on.
type CheckArguments struct {
	// Files are Rego by path.
	Files map[string]string `json:"files"`
	// Refused are functions that the policy must not call.
	Refused []string `json:"refused"`
	// Strict complains of unused variables and imports, too.
	Strict bool `json:"strict"`
}

// Checked is what Check answers.
type Checked struct {
	Problems []requests.Problem `json:"problems"`
	// Rules are all rules that may be asked for, by path such as `froyo/plan/deny`, each with where it stands first.
	Rules map[string]Place `json:"rules"`
	// Builtins are the functions that are called, each with where that is first.
	Builtins map[string]Place `json:"builtins"`
}

// Check parses and type-checks policies.
func Check(arguments CheckArguments) (*Checked, error) {
	able := capabilities(arguments.Refused)
	modules, problems := parse(arguments.Files, able)
	answer := &Checked{Problems: problems, Rules: map[string]Place{}, Builtins: map[string]Place{}}
	if len(problems) > 0 {
		return answer, nil
	}
	for _, module := range modules {
		for _, rule := range module.Rules {
			first(answer.Rules, pathOf(rule), placeOf(rule.Location))
		}
	}
	compiler := ast.NewCompiler().WithCapabilities(able).WithStrict(arguments.Strict).SetErrorLimit(0)
	compiler.Compile(modules)
	if compiler.Failed() {
		answer.Problems = append(answer.Problems, problemsOf(compiler.Errors, "")...)
		return answer, nil
	}
	known := map[string]bool{}
	for _, one := range able.Builtins {
		known[one.Name] = true
	}
	for _, module := range compiler.Modules {
		ast.WalkTerms(module, func(term *ast.Term) bool {
			if call, is := term.Value.(ast.Call); is {
				note(answer.Builtins, known, call[0])
			}
			return false
		})
		ast.WalkExprs(module, func(expression *ast.Expr) bool {
			if expression.IsCall() {
				if terms, is := expression.Terms.([]*ast.Term); is {
					note(answer.Builtins, known, terms[0])
				}
			}
			return false
		})
	}
	return answer, nil
}

// pathOf is how a rule is asked for: its package and name without `data`.
func pathOf(rule *ast.Rule) string {
	parts := rule.Path().GroundPrefix()
	var names []string
	for _, part := range parts[1:] {
		if name, is := part.Value.(ast.String); is {
			names = append(names, string(name))
		}
	}
	return strings.Join(names, "/")
}

func note(places map[string]Place, known map[string]bool, operator *ast.Term) {
	// What the library has rewritten stands nowhere.
	if name := operator.Value.String(); known[name] && operator.Location != nil {
		first(places, name, placeOf(operator.Location))
	}
}

// first keeps the place that comes first in order of files.
func first(places map[string]Place, name string, place Place) {
	known, there := places[name]
	if !there || slices.Compare(
		[]int{strings.Compare(place.File, known.File), place.Line, place.Column}, []int{0, known.Line, known.Column},
	) < 0 {
		places[name] = place
	}
}
