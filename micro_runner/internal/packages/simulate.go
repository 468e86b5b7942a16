package packages

import (
	"context"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/wire"
)

// simulate says what would come of it if some packages were installed and others removed: exactly what the package manager would do.
func (f *found) simulate(ctx context.Context, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	err := command.Each(ctx, len(call.Items), func(i int) {
		reply, err := f.simulated(ctx, call.Items[i])
		results[i] = command.Result(reply, err, "")
	})
	return results, err
}

func (f *found) simulated(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	wanted := step{install: names(a, "install"), remove: names(a, "remove"), purge: names(a, "purge")}
	if a.Has("recommends") {
		recommends := a.Bool("recommends", true)
		wanted.recommends = &recommends
	}
	installing := len(wanted.install)+len(wanted.remove) > 0
	if installing == (len(wanted.purge) > 0) {
		a.Fail("install", "either what is to be purged, or what is to be installed and removed")
	}
	if a.Err() != nil {
		return nil, a.Err()
	}
	manager, err := f.manager()
	if err != nil {
		return nil, err
	}
	would, err := manager.simulate(ctx, wanted)
	if err != nil {
		return nil, err
	}
	reply := wire.Object{wire.F("changes", described(would.changes)), wire.F("held", texts(would.held))}
	if would.refusal != "" {
		reply = append(reply, wire.F("error", would.refusal))
	}
	return reply, nil
}

func (a *apt) simulate(ctx context.Context, wanted step) (outlook, error) {
	argv := []string{"apt-get", "-s", "-y", "-f", "--allow-downgrades", "--allow-change-held-packages"}
	if wanted.recommends != nil {
		argv = append(argv, "-o", "APT::Install-Recommends="+truth(*wanted.recommends))
	}
	if len(wanted.purge) > 0 {
		argv = append(append(argv, "purge", "--"), wanted.purge...)
	} else {
		argv = append(append(argv, "install", "--"), wanted.install...)
		for _, name := range wanted.remove {
			argv = append(argv, name+"-")
		}
	}
	outcome, err := a.ask(ctx, argv...)
	if err != nil {
		return outlook{}, err
	}
	would := outlook{changes: changes(string(outcome.Stdout)), held: section(string(outcome.Stdout), heldPackages)}
	if outcome.Exit != 0 || outcome.Signal != "" {
		would.refusal = refusal(outcome)
	}
	return would, nil
}

func truth(value bool) string {
	if value {
		return "true"
	}
	return "false"
}

const (
	heldPackages = "The following held packages will be changed:"
	unmet        = "The following packages have unmet dependencies:"
)

var action = regexp.MustCompile(`^(Inst|Remv|Purg) (\S+)(?: \[([^]]+)\])?(?: \((\S+) )?`)

// changes are the lines of a simulation in which something is unpacked or removed.
func changes(text string) (found []change) {
	for line := range strings.SplitSeq(text, "\n") {
		match := action.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		one := change{name: match[2], from: match[3], to: match[4]}
		switch match[1] {
		case "Remv":
			one.action, one.to = "remove", ""
		case "Purg":
			one.action, one.to = "purge", ""
		default:
			one.action = replaced(Compare, one.from, one.to)
		}
		found = append(found, one)
	}
	return found
}

// section are the words of the indented lines below a heading.
func section(text, heading string) []string {
	_, rest, found := strings.Cut(text, heading+"\n")
	if !found {
		return nil
	}
	var words []string
	for line := range strings.SplitSeq(rest, "\n") {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// refusal is why apt would not do it, in its own words.
func refusal(outcome execute.Outcome) string {
	var said []string
	if _, rest, found := strings.Cut(string(outcome.Stdout), unmet+"\n"); found {
		for line := range strings.SplitSeq(rest, "\n") {
			if strings.HasPrefix(line, " ") {
				said = append(said, strings.TrimSpace(line))
			}
		}
	}
	for line := range strings.SplitSeq(string(outcome.Stderr), "\n") {
		if text, is := strings.CutPrefix(line, "E: "); is {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		said = append(said, string(outcome.Stderr))
	}
	return tail(strings.Join(said, "\n"))
}
