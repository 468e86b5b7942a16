package packages

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"froyo.dev/runner/internal/execute"
)

// recordings are what the real programs have printed; how they were made is said beside them.
const recordings = "../../../tests/contract/linux_pkg/recordings"

func recorded(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recordings, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sign(number int) string {
	switch {
	case number < 0:
		return "-1"
	case number > 0:
		return "1"
	}
	return "0"
}

func TestVersionsAreOrderedAsTheProgramsHaveOrderedThem(t *testing.T) {
	for name, order := range map[string]func(a, b string) int{"rpm": CompareRpm, "pacman": ComparePacman, "apk": CompareApk} {
		pairs := strings.Split(strings.TrimSpace(recorded(t, "versions/"+name+".tsv")), "\n")
		if len(pairs) < 300 {
			t.Errorf("%s: %d pairs", name, len(pairs))
		}
		for _, line := range pairs {
			pair := strings.Split(line, "\t")
			if got := sign(order(pair[0], pair[1])); got != pair[2] {
				t.Errorf("%s: %s and %s are %s, and not %s", name, pair[0], pair[1], pair[2], got)
			}
			if sign(order(pair[0], pair[1])) != sign(-order(pair[1], pair[0])) {
				t.Errorf("%s: %s and %s depend on who is asked first", name, pair[0], pair[1])
			}
		}
	}
}

// outcome is how a program went that was recorded.
func outcome(t *testing.T, name string) execute.Outcome {
	t.Helper()
	text := recorded(t, name)
	_, text, _ = strings.Cut(text, "\n") // what was run
	end := strings.LastIndex(text, "[exit ")
	exit, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text[end+6:]), "]"))
	if err != nil {
		t.Fatal(name, err)
	}
	stdout, stderr, _ := strings.Cut(text[:end], "[stderr]\n")
	return execute.Outcome{Stdout: []byte(stdout), Stderr: []byte(stderr), Exit: exit}
}

// lines are what would come of something, for a test to compare.
func lines(would outlook) []string {
	var found []string
	for _, one := range would.changes {
		found = append(found, strings.Join(strings.Fields(one.action+" "+one.name+" "+one.from+" "+one.to), " "))
	}
	for _, name := range would.held {
		found = append(found, "held "+name)
	}
	if would.refusal != "" {
		found = append(found, would.refusal)
	}
	return found
}

func same(t *testing.T, name string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}
