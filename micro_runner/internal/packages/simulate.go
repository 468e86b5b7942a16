package packages

import (
	"context"
	"regexp"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/wire"
)

// simulate says what would come of it if some packages were installed and others removed: exactly what apt would do.
func (m *manager) simulate(ctx context.Context, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	err := command.Each(ctx, len(call.Items), func(i int) {
		reply, err := m.simulated(ctx, call.Items[i])
		results[i] = command.Result(reply, err, "")
	})
	return results, err
}

func (m *manager) simulated(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	install, remove, purge := names(a, "install"), names(a, "remove"), names(a, "purge")
	argv := []string{"apt-get", "-s", "-y", "-f", "--allow-downgrades", "--allow-change-held-packages"}
	if a.Has("recommends") {
		argv = append(argv, "-o", "APT::Install-Recommends="+truth(a.Bool("recommends", true)))
	}
	if len(install)+len(remove)+len(purge) == 0 || len(purge) > 0 && len(install)+len(remove) > 0 {
		a.Fail("install", "either what is to be purged, or what is to be installed and removed")
	}
	if a.Err() != nil {
		return nil, a.Err()
	}
	if len(purge) > 0 {
		argv = append(append(argv, "purge", "--"), purge...)
	} else {
		argv = append(append(argv, "install", "--"), install...)
		for _, name := range remove {
			argv = append(argv, name+"-")
		}
	}
	outcome, err := m.apt.ask(ctx, argv...)
	if err != nil {
		return nil, err
	}
	reply := wire.Object{wire.F("changes", changes(string(outcome.Stdout))), wire.F("held", texts(section(string(outcome.Stdout), heldPackages)))}
	if outcome.Exit != 0 || outcome.Signal != "" {
		reply = append(reply, wire.F("error", refusal(outcome)))
	}
	return reply, nil
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
func changes(text string) wire.Array {
	found := wire.Array{}
	for line := range strings.SplitSeq(text, "\n") {
		match := action.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		verb, name, from, to := match[1], match[2], match[3], match[4]
		what := "install"
		switch {
		case verb == "Remv":
			what, to = "remove", ""
		case verb == "Purg":
			what, to = "purge", ""
		case from == "":
		case Compare(from, to) < 0:
			what = "upgrade"
		case Compare(from, to) > 0:
			what = "downgrade"
		default:
			what = "reinstall"
		}
		one := wire.Object{wire.F("action", what), wire.F("name", name)}
		if from != "" {
			one = append(one, wire.F("from", from))
		}
		if to != "" {
			one = append(one, wire.F("to", to))
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
