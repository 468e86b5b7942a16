package regolang

import (
	"context"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"

	"froyo.dev/compiler/internal/requests"
)

// CompileArguments are what Compile works on.
type CompileArguments struct {
	// Files are Rego by path.
	Files map[string]string `json:"files"`
	// Entrypoints are the rules that can be asked for, such as `froyo/plan/deny`. Each has to be there.
	Entrypoints []string `json:"entrypoints"`
	// Refused are functions that the policy must not call.
	Refused []string `json:"refused"`
	// Decisive has rules refused that are called as those that decide, such as `deny`, and that no entrypoint depends on.
	Decisive bool `json:"decisive,omitempty"`
}

// Compiled is what Compile answers.
type Compiled struct {
	// Wasm is the module; absent where there are problems. In JSON it is base64.
	Wasm []byte `json:"wasm,omitempty"`
	// Entrypoints are those of the module, in order of their numbers.
	Entrypoints []string           `json:"entrypoints"`
	Problems    []requests.Problem `json:"problems"`
}

// Compile makes one WebAssembly module of policies.
func Compile(arguments CompileArguments) (*Compiled, error) {
	able := capabilities(arguments.Refused)
	modules, problems := parse(arguments.Files, able)
	answer := &Compiled{Entrypoints: []string{}, Problems: problems}
	if len(problems) == 0 && arguments.Decisive {
		answer.Problems = append(answer.Problems, lost(modules, able, arguments.Entrypoints)...)
	}
	if len(answer.Problems) > 0 {
		return answer, nil
	}
	whole := &bundle.Bundle{Data: map[string]any{}}
	whole.SetRegoVersion(ast.RegoV1)
	whole.Manifest.Init()
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		whole.Modules = append(whole.Modules, bundle.ModuleFile{
			URL: name, Path: name, Parsed: modules[name], Raw: []byte(arguments.Files[name]),
		})
	}
	compiler := compile.New().
		WithTarget(compile.TargetWasm).
		WithEntrypoints(arguments.Entrypoints...).
		WithCapabilities(able).
		WithRegoVersion(ast.RegoV1).
		WithPruneUnused(true).
		WithBundle(whole)
	if err := compiler.Build(context.Background()); err != nil {
		answer.Problems = append(answer.Problems, problemsOf(err, "")...)
		return answer, nil
	}
	made := compiler.Bundle()
	answer.Wasm = made.WasmModules[0].Raw
	for _, one := range made.Manifest.WasmResolvers {
		answer.Entrypoints = append(answer.Entrypoints, one.Entrypoint)
	}
	return answer, nil
}
