package regolang

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"froyo.dev/compiler/internal/requests"
)

// patience is how long one test may take if nothing is said.
const patience = 5 * time.Second

// TestArguments are what Test works on.
type TestArguments struct {
	// Files are Rego by path, policies and tests.
	Files map[string]string `json:"files"`
	// Data is what policies find under `data`.
	Data map[string]any `json:"data"`
	// Refused are functions that the policy must not call.
	Refused []string `json:"refused"`
	// Run is a regular expression of the names of the tests to run, `data.package.test_name`; all if it is "".
	Run string `json:"run"`
	// Coverage asks which lines were gone through.
	Coverage bool `json:"coverage"`
	// Milliseconds are how long one test may take.
	Milliseconds int `json:"milliseconds"`
}

// Tested is what Test answers.
type Tested struct {
	Problems []requests.Problem `json:"problems"`
	Results  []TestResult       `json:"results"`
	Coverage *Coverage          `json:"coverage,omitempty"`
}

// TestResult is what became of one test.
type TestResult struct {
	Package string `json:"package"`
	Name    string `json:"name"`
	Place
	// Outcome is passed, failed, skipped or broken: the last could not be evaluated.
	Outcome string `json:"outcome"`
	// Failed is the expression that did not hold.
	Failed *Place `json:"failed,omitempty"`
	// Error is why it could not be evaluated.
	Error string `json:"error,omitempty"`
	// Output is what it printed.
	Output string `json:"output,omitempty"`
	// Seconds it took.
	Seconds float64 `json:"seconds"`
}

// Coverage is which lines of policies were gone through, in percent and by file.
type Coverage struct {
	Percent float64                 `json:"percent"`
	Files   map[string]FileCoverage `json:"files"`
}

// FileCoverage has the first and last line of each part of a file.
type FileCoverage struct {
	Percent    float64  `json:"percent"`
	Covered    [][2]int `json:"covered"`
	NotCovered [][2]int `json:"not_covered"`
}

// Test runs the rules whose names begin with `test_`, each by itself.
func Test(arguments TestArguments) (*Tested, error) {
	able := capabilities(arguments.Refused)
	modules, problems := parse(arguments.Files, able)
	answer := &Tested{Problems: problems, Results: []TestResult{}}
	if len(problems) > 0 {
		return answer, nil
	}
	data := arguments.Data
	if data == nil {
		data = map[string]any{}
	}
	store := inmem.NewFromObject(data)
	background := context.Background()
	transaction, err := store.NewTransaction(background, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer store.Abort(background, transaction)
	compiler := ast.NewCompiler().
		WithCapabilities(able).
		WithEnablePrintStatements(true).
		WithRewriteTestRules(true).
		WithPathConflictsCheck(storage.NonEmpty(background, store, transaction)).
		SetErrorLimit(0)
	limit := patience
	if arguments.Milliseconds > 0 {
		limit = time.Duration(arguments.Milliseconds) * time.Millisecond
	}
	// The library finds out where a test failed from its trace, and traces and coverage do not go together.
	var covered *cover.Cover
	if arguments.Coverage {
		covered = cover.New()
	}
	run := func(filter string, configure func(*tester.Runner)) error {
		runner := tester.NewRunner().
			SetCompiler(compiler).
			SetStore(store).
			SetModules(modules).
			SetTimeout(limit).
			SetParallel(1).
			SetDefaultRegoVersion(ast.RegoV1).
			RaiseBuiltinErrors(true).
			CapturePrintOutput(true).
			Filter(filter)
		configure(runner)
		results, err := runner.RunTests(background, transaction)
		if err != nil {
			return err
		}
		for one := range results {
			answer.take(one)
		}
		return nil
	}
	err = run(arguments.Run, func(runner *tester.Runner) {
		if covered != nil {
			runner.SetCoverageQueryTracer(covered)
		}
	})
	if failed := answer.failed(); err == nil && failed != "" {
		err = run(failed, func(runner *tester.Runner) { runner.EnableTracing(true) })
	}
	if err != nil {
		answer.Problems = append(answer.Problems, problemsOf(err, "")...)
		return answer, nil
	}
	slices.SortFunc(answer.Results, func(a, b TestResult) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	if covered != nil {
		answer.Coverage = coverageOf(covered.Report(modules))
	}
	return answer, nil
}

// take keeps what became of a test, in the place of what it knew of it.
func (t *Tested) take(one *tester.Result) {
	result := resultOf(one)
	t.Results = slices.DeleteFunc(t.Results, func(earlier TestResult) bool {
		return earlier.Package == result.Package && earlier.Name == result.Name
	})
	t.Results = append(t.Results, result)
}

// failed is a regular expression of the names of the tests that failed, or "" where none has.
func (t *Tested) failed() string {
	var names []string
	for _, one := range t.Results {
		if one.Outcome == "failed" {
			names = append(names, regexp.QuoteMeta("data."+one.Package+"."+one.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

func resultOf(one *tester.Result) TestResult {
	result := TestResult{
		Package: strings.TrimPrefix(one.Package, "data."),
		Name:    one.Name,
		Place:   placeOf(one.Location),
		Outcome: "passed",
		Output:  string(one.Output),
		Seconds: one.Duration.Seconds(),
	}
	switch {
	case one.Error != nil:
		result.Outcome, result.Error = "broken", one.Error.Error()
	case one.Skip:
		result.Outcome = "skipped"
	case one.Fail:
		result.Outcome, result.Failed = "failed", failedAt(one.Trace)
	}
	return result
}

// failedAt is the expression of a test that did not hold: the last one that failed, seen from the test itself.
func failedAt(trace []*topdown.Event) *Place {
	for _, event := range slices.Backward(trace) {
		if event.Op != topdown.FailOp || event.Location == nil || event.QueryID == 0 {
			continue
		}
		expression, is := event.Node.(*ast.Expr)
		if !is {
			continue
		}
		// Of `every` it is the expression within that is of interest.
		if _, every := expression.Terms.(*ast.Every); !every {
			place := placeOf(event.Location)
			return &place
		}
	}
	return nil
}

func coverageOf(report cover.Report) *Coverage {
	coverage := &Coverage{Percent: report.Coverage, Files: map[string]FileCoverage{}}
	lines := func(ranges []cover.Range) [][2]int {
		pairs := [][2]int{}
		for _, one := range ranges {
			pairs = append(pairs, [2]int{one.Start.Row, one.End.Row})
		}
		return pairs
	}
	for name, file := range report.Files {
		coverage.Files[name] = FileCoverage{
			Percent: file.Coverage, Covered: lines(file.Covered), NotCovered: lines(file.NotCovered),
		}
	}
	return coverage
}
