package regolang

import (
	"slices"
	"testing"
)

func TestRulesThatAreMeantToDecideAndDoNotAreRefused(t *testing.T) {
	asking := "package froyo.asked\nplan[\"deny\"] := data.froyo.plan.deny"
	for _, one := range []struct {
		name, text string
		problems   []string
	}{
		{"asked for", "package froyo.plan\ndeny contains \"x\"", nil},
		{"used", "package froyo.plan\ndeny contains one if some one in deny_all\ndeny_all contains \"x\"", nil},
		{"used by name", "package froyo.plan\nimport data.other\ndeny contains \"x\" if other.violation", nil},
		{"in a package below", "package froyo.plan.files\ndeny contains \"x\"", []string{"p.rego:2:1"}},
		{"by another name", "package froyo.plan\nviolation contains \"x\"\ndeny_modes contains \"y\"",
			[]string{"p.rego:2:1", "p.rego:3:1"}},
		{"of another style", "package froyo.plan\ndefault allow := false", []string{"p.rego:2:1"}},
		{"no decision", "package froyo.plan\ndenied := 1\ndeny_list := [1]\nwarn(x) := x", nil},
	} {
		files := map[string]string{"a.rego": asking, "p.rego": one.text, "o.rego": "package other\nviolation := true"}
		if one.name != "used by name" {
			delete(files, "o.rego")
		}
		answer, err := Compile(CompileArguments{Files: files, Entrypoints: []string{"froyo/asked/plan"}, Decisive: true})
		if err != nil {
			t.Fatal(err)
		}
		var places []string
		for _, problem := range answer.Problems {
			places = append(places, problem.Place.String())
		}
		if !slices.Equal(places, one.problems) {
			t.Errorf("%s: %v", one.name, answer.Problems)
		}
	}
}
