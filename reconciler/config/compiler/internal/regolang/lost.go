package regolang

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"

	"froyo.dev/compiler/internal/requests"
)

// deciding and several are how rules are called that are meant to decide, here and elsewhere; of several each is a set.
var (
	deciding = regexp.MustCompile(`^(allow|deny|require_approval|violation|warn)$`)
	several  = regexp.MustCompile(`^(deny|violation|warn)_`)
)

// decides says whether a rule is meant to.
func decides(rule *ast.Rule) bool {
	name := string(rule.Head.Name)
	set := rule.Head.RuleKind() == ast.MultiValue
	return len(rule.Head.Args) == 0 && (deciding.MatchString(name) || set && several.MatchString(name))
}

// lost complains of rules that are meant to decide, and that nothing depends on that is asked for: in another package, or by
// another name. What they forbid would pass.
func lost(modules map[string]*ast.Module, able *ast.Capabilities, asked []string) []requests.Problem {
	copies := map[string]*ast.Module{}
	for name, module := range modules {
		copies[name] = module.Copy()
	}
	compiler := ast.NewCompiler().WithCapabilities(able)
	if compiler.Compile(copies); compiler.Failed() {
		return problemsOf(compiler.Errors, "")
	}
	reached := map[util.T]bool{}
	var reach func(util.T)
	reach = func(rule util.T) {
		if reached[rule] {
			return
		}
		reached[rule] = true
		for other := range compiler.Graph.Dependencies(rule) {
			reach(other)
		}
	}
	for _, name := range asked {
		ref := ast.Ref{ast.DefaultRootDocument}
		for _, part := range strings.Split(name, "/") {
			ref = append(ref, ast.StringTerm(part))
		}
		for _, rule := range compiler.GetRules(ref) {
			reach(rule)
		}
	}
	places := map[string]Place{}
	for _, module := range compiler.Modules {
		for _, rule := range module.Rules {
			if !reached[rule] && decides(rule) {
				first(places, pathOf(rule), placeOf(rule.Location))
			}
		}
	}
	var problems []requests.Problem
	for path, place := range places {
		problems = append(problems, requests.Problem{
			Message: fmt.Sprintf("this rule decides nothing: %s is neither asked for nor used by a rule that is",
				strings.ReplaceAll(path, "/", ".")),
			Place: place,
		})
	}
	slices.SortFunc(problems, func(a, b requests.Problem) int {
		return strings.Compare(a.Place.String(), b.Place.String())
	})
	return problems
}
