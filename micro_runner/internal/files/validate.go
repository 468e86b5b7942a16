package files

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
)

const (
	validationPatience = time.Minute
	maxOutput          = 2 << 10
)

func mentions(argv []string) bool {
	for _, argument := range argv {
		if strings.Contains(argument, "%s") {
			return true
		}
	}
	return false
}

var errSlow = errors.New("the validation command takes too long")

// check lets the validation command look at the draft, under a temporary name.
func (j *job) check(ctx context.Context) error {
	if len(j.validate) == 0 {
		return nil
	}
	name, err := j.draft.Name(path.Ext(strings.TrimPrefix(j.name, ".")))
	if err != nil {
		return err
	}
	file := path.Join(path.Dir(j.path), name)
	argv := make([]string, len(j.validate))
	for i, argument := range j.validate {
		argv[i] = strings.ReplaceAll(argument, "%s", file)
	}
	limited, cancel := context.WithTimeoutCause(ctx, validationPatience, errSlow)
	defer cancel()
	outcome, err := execute.Run(limited, execute.Spec{Argv: argv, Directory: "/", MaxOutput: maxOutput})
	if errors.Is(err, errSlow) {
		return fault.New(fault.ValidationFailed, "%s: %s: not done within %s", j.path, j.validate[0], validationPatience)
	}
	if err != nil {
		return err
	}
	if outcome.Exit == 0 {
		return nil
	}
	// The output is for a person, who knows nothing of a temporary file.
	output := strings.ReplaceAll(string(outcome.Stderr)+string(outcome.Stdout), file, j.path)
	output = strings.TrimSpace(output[:min(len(output), maxOutput)])
	if output == "" {
		output = "it does not say why"
	}
	how := "exit status " + strconv.Itoa(outcome.Exit)
	if outcome.Signal != "" {
		how = outcome.Signal
	}
	return fault.New(fault.ValidationFailed, "%s: %s refuses the new content (%s): %s", j.path, j.validate[0], how, output)
}
