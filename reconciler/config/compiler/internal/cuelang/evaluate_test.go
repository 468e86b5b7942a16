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
