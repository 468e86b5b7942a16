package cuelang

import (
	"strings"
	"testing"
)

func evaluated(t *testing.T, files map[string]string) *Evaluated {
	t.Helper()
	answer, err := Evaluate(EvaluateArguments{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestProgramsAreThePackagesOfADirectoryAndFilesWithoutOne(t *testing.T) {
	answer := evaluated(t, map[string]string{
		"a/x.cue": "package x\n", "a/y.cue": "package x\n", "a/z.cue": "package z\n", "one.cue": "a: 1\n",
		"two.cue": "a: 2\n", "a/x_test.cue": "package x\n", "cue.mod/gen/b/c.cue": "package c\n",
	})
	var names []string
	for _, one := range answer.Programs {
		names = append(names, one.Name)
	}
	if found := strings.Join(names, " "); found != "one.cue two.cue a:x a:z" {
		t.Error(found)
	}
}

func TestWhatDoesNotParseIsSaidAtItsPlace(t *testing.T) {
	answer := evaluated(t, map[string]string{"a.cue": "package a\n\nx: [\n", "b.cue": "x: 1\n"})
	if len(answer.Problems) != 1 || answer.Problems[0].String() != "a.cue:3:6" {
		t.Errorf("%+v", answer.Problems)
	}
}

func TestWhatIsNestedTooDeeplyIsOfItsPackage(t *testing.T) {
	deep := "package a\n\nx: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "\n"
	answer, err := Evaluate(EvaluateArguments{Files: map[string]string{"a.cue": deep}, Only: []string{".:a"}})
	if err != nil || len(answer.Problems) != 1 || answer.Problems[0].Program != ".:a" {
		t.Errorf("%v %+v", err, answer)
	}
}

func TestAModuleBelowIsAModuleOfItsOwn(t *testing.T) {
	answer := evaluated(t, map[string]string{
		"infra/cue.mod/module.cue": "module: \"example.com/infra@v0\"\nlanguage: version: \"v0.9.0\"\n",
		"infra/lib/lib.cue":        "package lib\n\nOne: 1\n",
		"infra/a.cue":              "package a\n\nimport \"example.com/infra/lib\"\n\nx: {apiVersion: \"v\", kind: \"K\", n: lib.One}\n",
		"b.cue":                    "package b\n\ny: {apiVersion: \"v\", kind: \"K\"}\n",
	})
	if len(answer.Problems) != 0 || len(answer.Programs) != 3 {
		t.Errorf("%+v", answer)
	}
}

func TestWhatMayDeclareSomethingAndIsUndecidedIsComplainedOf(t *testing.T) {
	const file = `{apiVersion: "v1", kind: "F"}`
	for text, wanted := range map[string]bool{
		"env: string, if env == \"prod\" {f: " + file + "}":                         true,
		"env: string, f: {if env == \"prod\" {g: " + file + "}, h: " + file + "}":   true,
		"env: string, f: [for e in [\"a\"] if e == env " + file + "]":               true,
		"n: int, f: {\"f\\(n)\": " + file + "}":                                     true,
		"env: string, _all: {prod: " + file + "}, f: _all[env]":                     true,
		"import \"encoding/yaml\"\ns: string, f: yaml.Unmarshal(s)":                 true,
		"env: string, f: {apiVersion: \"v1\", kind: \"F\", if env == \"a\" {b: 1}}": true,
		"f: {apiVersion: \"v1\", kind: string}":                                     true,
		"f: {apiVersion: \"v1\" | \"v2\", kind: \"F\"}":                             true,
		"f: null | " + file: true,
		"f: {apiVersion: \"v1\", kind: \"F\", a: 1} | {apiVersion: \"v1\", kind: \"F\"}":  true,
		"env: string, n: int, f: \"for \\(env)\", g: n + 1, h: n > 2, i: !(n > 2)":        false,
		"env: string, f: string, f: \"for \\(env)\"":                                      false,
		"a: _, b: {...}, c: [...], d: [string]: {n: int}, e: null | {a: int}, f: a!: int": false,
		"a: {b?: string}, f: {if a.b != _|_ {g: " + file + "}}":                           false,
		"_env: string, #f: {if _env == \"a\" {g: 1}}, _f: {if _env == \"a\" {g: 1}}":      false,
		"f: *null | " + file: false,
		"t: {arg: [...int] & [1], out: arg[1:]}, u: t & {arg: [1]}": false,
	} {
		if found := evaluated(t, map[string]string{"a.cue": text}).Problems; (len(found) > 0) != wanted {
			t.Errorf("%s: %v", text, found)
		}
	}
}

func TestWhatIsDecidedInADirectoryBelowIsNoProblemAbove(t *testing.T) {
	files := map[string]string{
		"a.cue":      "package site\nenv: string\nf: {if env == \"prod\" {g: {apiVersion: \"v1\", kind: \"F\"}}}",
		"prod/a.cue": "package site\nenv: \"prod\"",
		"dev/a.cue":  "package site\n",
	}
	answer := evaluated(t, files)
	if len(answer.Problems) != 1 || answer.Problems[0].Program != "dev:site" {
		t.Error(answer.Problems)
	}
	files["dev/a.cue"] = "package site\nenv: \"dev\""
	answer = evaluated(t, files)
	if len(answer.Problems) != 0 || len(answer.Programs) != 3 || len(answer.Programs[2].Objects) != 1 {
		t.Error(answer.Problems, answer.Programs)
	}
}
