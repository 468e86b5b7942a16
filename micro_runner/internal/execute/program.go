package execute

import (
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
)

// startFault is why a program could not be begun.
func startFault(err error, place string, spec Spec) error {
	if _, missing := os.Stat(spec.Directory); errors.Is(err, syscall.ENOENT) && missing != nil {
		return noDirectory(spec.Directory)
	}
	if !path.IsAbs(place) {
		place = path.Join(spec.Directory, place)
	}
	if why, _ := unfit(spec.Argv[0], place); why != nil {
		return why
	}
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fault.New(fault.CommandNotFound, "%s, or its interpreter, does not exist", spec.Argv[0])
	case errors.Is(err, syscall.EACCES) && spec.User != "":
		return fault.New(fault.NotExecutable, "the user %s may not execute %s, or not reach it or the working directory %s", spec.User, spec.Argv[0], spec.Directory)
	case errors.Is(err, syscall.ENOEXEC):
		return fault.New(fault.NotExecutable, "%s is no program for this machine, and does not begin with #! and an interpreter", spec.Argv[0])
	}
	return fault.From(err, spec.Argv[0])
}

func find(program string, environment []string) (string, error) {
	if strings.Contains(program, "/") {
		return program, nil
	}
	places := searched(environment)
	for directory := range strings.SplitSeq(places, ":") {
		candidate := directory + "/" + program
		if stat, err := os.Stat(candidate); program != "" && err == nil && stat.Mode().IsRegular() && stat.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fault.New(fault.CommandNotFound, "there is no program %q in %s", program, places)
}

// searched is where an environment has programs looked for.
func searched(environment []string) string {
	for _, variable := range slices.Backward(environment) {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			return value
		}
	}
	return searchPath
}

// Lacks says why a program could not be run in a directory, as Run would, with the paths with which that may change; nil if it can be.
func Lacks(program, directory string, environment []string) (why *fault.Fault, places []string) {
	if strings.Contains(program, "/") {
		place := path.Clean(program)
		if !path.IsAbs(program) {
			place = path.Join(directory, program)
		}
		return unfit(program, place)
	}
	place, err := find(program, environment)
	if err == nil {
		return unfit(program, place)
	}
	for place := range strings.SplitSeq(searched(environment), ":") {
		if path.IsAbs(place) {
			places = append(places, path.Join(place, program))
		}
	}
	return fault.From(err, program), places
}

// unfit says why what is at a place cannot be begun as a program, and where that could be changed.
func unfit(program, place string) (*fault.Fault, []string) {
	places := []string{place}
	stat, err := os.Stat(place)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR):
		return fault.New(fault.CommandNotFound, "%s does not exist", program), places
	case err != nil:
		return nil, nil
	case !stat.Mode().IsRegular():
		return fault.New(fault.NotExecutable, "%s is not a regular file", program), places
	case stat.Mode()&0o111 == 0:
		return fault.New(fault.NotExecutable, "%s has a mode without x, so that nobody can execute it", program), places
	}
	interpreter := interpreterOf(place)
	switch _, err := os.Stat(interpreter); {
	case !errors.Is(err, syscall.ENOENT) || !path.IsAbs(interpreter):
		return nil, nil
	case strings.HasSuffix(interpreter, "\r"):
		return fault.New(fault.NotExecutable, "%s has Windows line ends, so that its first line asks for an interpreter of the name %q", program, interpreter), places
	}
	return fault.New(fault.CommandNotFound, "%s, the interpreter that the first line of %s asks for, does not exist", interpreter, program), append(places, interpreter)
}

// interpreterOf is what the first line of a script asks for, as the kernel reads it; "" if it is no script.
func interpreterOf(place string) string {
	file, err := os.OpenFile(place, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	beginning := make([]byte, 256)
	n, _ := io.ReadFull(file, beginning)
	first, _, _ := strings.Cut(string(beginning[:n]), "\n")
	asked, ok := strings.CutPrefix(first, "#!")
	if !ok {
		return ""
	}
	asked = strings.TrimLeft(asked, " \t")
	if end := strings.IndexAny(asked, " \t\x00"); end >= 0 {
		asked = asked[:end]
	}
	return asked
}
