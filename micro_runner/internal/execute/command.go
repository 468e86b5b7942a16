package execute

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const (
	defaultOutput = 1 << 20
	maxOutput     = 4 << 20
	maxTimeout    = 24 * time.Hour
)

// Commands is `exec`.
func Commands() []command.Command {
	return []command.Command{{Name: "exec", Writes: true, Run: run}}
}

func run(ctx context.Context, call *command.Call) (wire.Array, error) {
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(ctx, item) })
}

var errTimeout = errors.New("timeout")

func one(ctx context.Context, item wire.Object) (wire.Object, error) {
	a := command.Read(item)
	spec := Spec{
		Argv: a.Strings("argv"), Stdin: a.Bytes("stdin"), Environment: a.Environment("env"), Directory: a.Text("cwd"),
		MaxOutput: int(a.Int("max_output", defaultOutput, maxOutput)),
	}
	timeout := time.Duration(a.Int("timeout_ms", 0, maxTimeout.Milliseconds())) * time.Millisecond
	if len(spec.Argv) == 0 {
		a.Fail("argv", "a program is missing")
	}
	if spec.Directory == "" {
		spec.Directory = "/"
	} else if err := walk.Check(spec.Directory); err != nil {
		return nil, err
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	outcome, err := Run(limited, spec)
	if errors.Is(err, errTimeout) {
		return nil, fault.New(fault.Timeout, "%s: not done within %s", spec.Argv[0], timeout)
	}
	if err != nil {
		return nil, err
	}
	reply := wire.Object{
		wire.F("exit", int64(outcome.Exit)), wire.F("signal", nil),
		wire.F("stderr", base64.StdEncoding.EncodeToString(outcome.Stderr)),
		wire.F("stdout", base64.StdEncoding.EncodeToString(outcome.Stdout)),
		wire.F("truncated", outcome.Truncated),
	}
	if outcome.Signal != "" {
		reply[0].Value, reply[1].Value = nil, outcome.Signal
	}
	return reply, nil
}
