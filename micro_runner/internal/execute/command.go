package execute

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const (
	defaultOutput = 1 << 20
	maxOutput     = 4 << 20
	maxTimeout    = 24 * time.Hour
)

// Commands is `exec`, that which lasts, what would keep both from beginning, and the two checks.
func Commands() []command.Command {
	return []command.Command{
		{Name: "exec", Writes: true, Run: run},
		{Name: "exec.run", Writes: true, Lasts: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return lasting(ctx, item) })
		}},
		{Name: "exec.look", Replays: true, Run: look},
		{Name: "exec.check", Replays: true, Run: check(true)},
		{Name: "exec.check.unconfined", Replays: true, Run: check(false)},
	}
}

func run(ctx context.Context, call *command.Call) (wire.Array, error) {
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) { return one(ctx, item) })
}

// check runs programs that are asked whether something is so. Their exit status is the answer; what they print is not, since it may be another
// one each time.
func check(confined bool) func(ctx context.Context, call *command.Call) (wire.Array, error) {
	return func(ctx context.Context, call *command.Call) (wire.Array, error) {
		results := make(wire.Array, len(call.Items))
		err := command.Each(ctx, len(call.Items), func(i int) {
			reply, err := ask(ctx, call.Items[i], confined)
			results[i] = command.Result(reply, err, "")
		})
		return results, err
	}
}

func ask(ctx context.Context, item wire.Object, confined bool) (wire.Object, error) {
	spec, timeout, err := read(item)
	if err != nil {
		return nil, err
	}
	if confined && !confine.Available() {
		return nil, fault.New(fault.NotSupported, "nothing keeps %s from changing something here: the kernel has no Landlock, and mounts of its own take root", spec.Argv[0])
	}
	spec.Confined, spec.Asked = confined, true
	spec.MaxOutput = 0
	outcome, err := within(ctx, spec, timeout)
	if err != nil {
		return nil, err
	}
	if outcome.Signal != "" {
		return wire.Object{wire.F("exit", nil), wire.F("signal", outcome.Signal)}, nil
	}
	return wire.Object{wire.F("exit", int64(outcome.Exit)), wire.F("signal", nil)}, nil
}

var errTimeout = errors.New("timeout")

// read is what an item says is to be run, and for how long at most; 0 for as long as it takes.
func read(item wire.Object) (Spec, time.Duration, error) {
	a := command.Read(item)
	spec := Spec{
		Argv: a.Strings("argv"), Stdin: a.Bytes("stdin"), Environment: a.Environment("env"), Directory: a.Text("cwd"),
		MaxOutput: int(a.Int("max_output", defaultOutput, maxOutput)), User: a.Text("user"),
	}
	timeout := time.Duration(a.Int("timeout_ms", 0, maxTimeout.Milliseconds())) * time.Millisecond
	if len(spec.Argv) == 0 {
		a.Fail("argv", "a program is missing")
	}
	if spec.Directory == "" {
		spec.Directory = "/"
	} else if err := walk.Check(spec.Directory); err != nil {
		return spec, 0, err
	}
	return spec, timeout, a.Err()
}

func within(ctx context.Context, spec Spec, timeout time.Duration) (Outcome, error) {
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	outcome, err := Run(limited, spec)
	if errors.Is(err, errTimeout) {
		return outcome, fault.New(fault.Timeout, "%s: not done within %s", spec.Argv[0], timeout)
	}
	return outcome, err
}

func one(ctx context.Context, item wire.Object) (wire.Object, error) {
	spec, timeout, err := read(item)
	if err != nil {
		return nil, err
	}
	outcome, err := within(ctx, spec, timeout)
	if err != nil {
		return nil, err
	}
	return Reply(outcome), nil
}

// Reply is an outcome as it goes over the wire.
func Reply(outcome Outcome) wire.Object {
	reply := wire.Object{
		wire.F("exit", int64(outcome.Exit)), wire.F("signal", nil),
		wire.F("stderr", base64.StdEncoding.EncodeToString(outcome.Stderr)),
		wire.F("stdout", base64.StdEncoding.EncodeToString(outcome.Stdout)),
		wire.F("truncated", outcome.Truncated),
	}
	if outcome.Signal != "" {
		reply[0].Value, reply[1].Value = nil, outcome.Signal
	}
	return reply
}

// lasting runs what an item says; the program outlives the thread that started it.
func lasting(ctx context.Context, item wire.Object) (wire.Object, error) {
	spec, timeout, err := read(item)
	if err != nil {
		return nil, err
	}
	if command.Text(item, "id") == "" {
		return nil, fault.New(fault.BadRequest, "id: missing")
	}
	spec.Lasting = true
	outcome, err := within(ctx, spec, timeout)
	if err != nil {
		return nil, err
	}
	return Reply(outcome), nil
}
