package execute

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/harness"
)

// codes are those of what would keep a program from being run, each with the subjects with which it may go away.
func codes(h *harness.Harness, item harness.Object) (found []string) {
	for _, one := range h.OK("exec.look", item)["obstacles"].([]any) {
		text := one.(harness.Object)["code"].(string)
		for _, subject := range one.(harness.Object)["subjects"].([]any) {
			text += " " + subject.(string)
		}
		found = append(found, text)
	}
	return found
}

func TestWhatKeepsAProgramFromBeingRunIsSaidAndNothingIsRun(t *testing.T) {
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	directory := t.TempDir()
	file, program := filepath.Join(directory, "file"), filepath.Join(directory, "program")
	harness.Put(t, file, "")
	harness.Put(t, program, "#!/bin/sh\ntouch ran\n")
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	missing := directory + "/missing"
	for name, c := range map[string]struct {
		item harness.Object
		want []string
	}{
		"nothing":                   {harness.Object{"argv": []string{"true"}}, nil},
		"nothing, in its directory": {harness.Object{"argv": []string{"./program"}, "cwd": directory, "user": "root"}, nil},
		"nothing, in another PATH":  {harness.Object{"argv": []string{"program"}, "env": harness.Object{"PATH": directory}}, nil},
		"no program at a path":      {harness.Object{"argv": []string{missing}}, []string{"command_not_found path:" + missing}},
		"no program in a directory": {harness.Object{"argv": []string{"bin/missing"}, "cwd": directory}, []string{"command_not_found path:" + directory + "/bin/missing"}},
		"a file that is no program": {harness.Object{"argv": []string{file}}, []string{"not_executable path:" + file}},
		"no program in a PATH": {
			harness.Object{"argv": []string{"missing"}, "env": harness.Object{"PATH": directory + ":here:/bin"}},
			[]string{"command_not_found path:" + missing + " path:/bin/missing"},
		},
		"no directory":   {harness.Object{"argv": []string{"true"}, "cwd": missing + "/below"}, []string{"enoent path:" + missing + "/below"}},
		"a file instead": {harness.Object{"argv": []string{"true"}, "cwd": file}, []string{"not_directory path:" + file}},
		"below a file":   {harness.Object{"argv": []string{"true"}, "cwd": file + "/x"}, []string{"not_directory path:" + file + "/x"}},
		"no user":        {harness.Object{"argv": []string{"true"}, "user": "nobody-is-called-so"}, []string{"unknown_owner user:nobody-is-called-so"}},
		"all of them": {
			harness.Object{"argv": []string{missing}, "cwd": missing, "user": "nobody-is-called-so"},
			[]string{"command_not_found path:" + missing, "enoent path:" + missing, "unknown_owner user:nobody-is-called-so"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := codes(h, c.item); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if _, err := os.Stat(directory + "/ran"); err == nil {
		t.Error("the program was run")
	}
}

func TestOfAProgramThatIsNamedInAPathAllPlacesAreNamed(t *testing.T) {
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	got := codes(h, harness.Object{"argv": []string{"no-program-is-called-so"}})
	if len(got) != 1 || strings.Count(got[0], "path:") != strings.Count(searchPath, ":")+1 {
		t.Error(got)
	}
}
