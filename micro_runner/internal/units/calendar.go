package units

import (
	"context"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// longestReason bounds what is told of why an expression is none, in bytes.
const longestReason = 300

func calendar(ctx context.Context, call *command.Call) (wire.Array, error) {
	results := make(wire.Array, len(call.Items))
	err := command.Each(ctx, len(call.Items), func(i int) {
		reply, err := due(ctx, call.Items[i])
		results[i] = command.Result(reply, err, "")
	})
	return results, err
}

// due says whether systemd takes an expression for a time of its calendar. What it asks takes one apart and prints it: it opens nothing to write, whatever it is
// given, and so it is not confined, which not every kernel can do.
func due(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	expression := a.Text("expression")
	if expression == "" {
		a.Fail("expression", "a text that is not empty")
	}
	if a.Err() != nil {
		return nil, a.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, reading)
	defer cancel()
	outcome, err := execute.Run(ctx, execute.Spec{
		Argv: []string{"systemd-analyze", "calendar", "--", expression}, Directory: "/", MaxOutput: 64 << 10, Asked: true,
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fault.New(fault.Timeout, "systemd-analyze has not said within %s whether %q is a time", reading, expression)
	case err != nil:
		return nil, err
	case outcome.Signal != "":
		return nil, fault.New(fault.ToolFailed, "systemd-analyze was ended by %s", outcome.Signal)
	case outcome.Exit == 0:
		return wire.Object{wire.F("valid", true)}, nil
	}
	return wire.Object{wire.F("valid", false), wire.F("error", reason(outcome))}, nil
}
