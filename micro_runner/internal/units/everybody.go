package units

import (
	"context"
	"strings"
	"time"

	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/systemd"
)

// everybody stands in the place of a user for the managers of all users. No user can be called that.
const everybody = "@global"

// linking bounds how long systemctl may take to put links in place.
const linking = 30 * time.Second

func isEverybodys(unit string) bool { return strings.HasPrefix(unit, everybody+"/") }

// ofEverybody tells what is known of a unit for all users: whether it begins with their managers. None of these is asked.
func ofEverybody(ctx context.Context, unit string) (systemd.Unit, error) {
	known := systemd.Unit{ID: unit, Load: "loaded", Active: "inactive", Sub: "dead", Result: "success"}
	outcome, err := globally(ctx, reading, "is-enabled", unit)
	if err != nil {
		return known, err
	}
	said, why := strings.TrimSpace(shown(string(outcome.Stdout))), reason(outcome)
	switch {
	case said == "not-found" || said == "" && strings.Contains(why, "No such file or directory"):
		known.Load = "not-found"
	case said == "":
		return known, fault.New(fault.ToolFailed, "systemctl does not say whether %s is enabled for all users: %s", unit, why)
	case strings.HasPrefix(said, "masked"):
		known.Load, known.FileState = "masked", said
	default:
		known.FileState = said
	}
	return known, nil
}

// forEverybody carries out an order for all users. Their managers read that when they begin, or are told to by their users.
func forEverybody(ctx context.Context, order *systemd.Order) systemd.Done {
	var done systemd.Done
	if done.Before, done.Err = ofEverybody(ctx, order.Unit); done.Err != nil {
		return done
	}
	done.After = done.Before
	if order.Expect != nil {
		if done.Err = order.Expect(done.Before); done.Err != nil {
			return done
		}
	}
	left := len(order.Actions)
	for _, action := range []string{systemd.Unmask, systemd.Enable, systemd.Disable, systemd.Mask, systemd.DaemonReload} {
		if order.Actions[action] {
			left--
		}
	}
	if left > 0 {
		done.Err = fault.New(fault.NotSupported, "%s is of no one manager: it can be enabled, disabled, masked and unmasked, and nothing else", order.Unit)
		return done
	}
	for _, action := range []string{systemd.Unmask, systemd.Enable, systemd.Disable, systemd.Mask} {
		if !order.Actions[action] {
			continue
		}
		outcome, err := globally(ctx, linking, action, order.Unit)
		if err == nil && outcome.Exit != 0 {
			err = fault.New(fault.UnitFailed, "systemctl --global %s: %s", action, reason(outcome))
		}
		if err != nil {
			done.Err = err
			return done
		}
	}
	done.After, done.Err = ofEverybody(ctx, order.Unit)
	return done
}

// globally runs systemctl, which changes and reads links by itself where it is asked for all users.
func globally(ctx context.Context, patience time.Duration, action, unit string) (execute.Outcome, error) {
	if err := systemd.Lacking(); err != nil {
		return execute.Outcome{}, err
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, name := systemd.Cut(unit)
	outcome, err := execute.Run(within, execute.Spec{
		Argv: []string{"systemctl", "--global", action, "--", name}, Environment: []string{"LC_ALL=C"}, Directory: "/", MaxOutput: 64 << 10, Asked: true,
	})
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = fault.New(fault.Timeout, "systemctl --global %s %s has not ended within %s", action, name, patience)
	}
	return outcome, err
}

// reason is what a program has said against it, cut.
func reason(outcome execute.Outcome) string {
	said := strings.TrimSpace(shown(string(outcome.Stderr)))
	if len(said) > longestReason {
		said = strings.ToValidUTF8(said[:longestReason], "") + "…"
	}
	if said == "" && outcome.Signal != "" {
		said = "it was ended by " + outcome.Signal
	}
	return said
}
