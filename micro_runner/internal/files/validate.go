package files

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"
	"time"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
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
	before, err := j.draft.Stat()
	if err != nil {
		return err
	}
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
		return j.untouched(ctx, name, &before)
	}
	how := "exit status " + strconv.Itoa(outcome.Exit)
	if outcome.Signal != "" {
		how = outcome.Signal
	}
	if j.sensitive {
		return fault.New(fault.ValidationFailed, "%s: %s refuses the new content (%s); what it says is left out: the content is sensitive", j.path, j.validate[0], how)
	}
	// The output is for a person, who knows nothing of a temporary file.
	output := strings.ReplaceAll(string(outcome.Stderr)+string(outcome.Stdout), file, j.path)
	output = strings.TrimSpace(output[:min(len(output), maxOutput)])
	if output == "" {
		output = "it does not say why"
	}
	separator := " "
	if strings.Contains(output, "\n") {
		separator = "\n" // and stays what it is, such as a line with a mark below it
	}
	return fault.New(fault.ValidationFailed, "%s: %s refuses the new content (%s):%s%s", j.path, j.validate[0], how, separator, output)
}

// untouched refuses a draft that is not any more what was written: what goes live is what was declared, whatever a foreign program
// did to it. Any change of it moves its ctime; that a map of memory was written to shows in the content alone.
func (j *job) untouched(ctx context.Context, name string, before *sys.Stat) error {
	changed := fault.New(fault.ValidationFailed, "%s: %s changes the file that it is given to check, so it does not go live", j.path, j.validate[0])
	fd, err := entry.OpenContent(j.dir.fd, name)
	if err != nil {
		return changed
	}
	file := fd.File(name)
	defer file.Close()
	if sys.Written(fd) { // before its content is looked at, which is final then
		return fault.New(fault.ValidationFailed, "%s: %s has ended, and something that it has started still has the file open for writing, so it does not go live", j.path, j.validate[0])
	}
	now, err := sys.Fstat(fd)
	if err != nil {
		return err
	}
	if !now.Unmoved(before) {
		return changed
	}
	sum, _, err := digest.Read(ctx, file)
	if err == nil && sum != j.blob {
		return changed
	}
	return err
}
