package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/harness"
	"froyo.dev/runner/internal/wire"
)

// peer is a controller, on virtual time.
type peer struct {
	t       *testing.T
	in      *io.PipeWriter
	lines   chan string
	signals chan os.Signal
	reason  chan string
}

func commands() []command.Command {
	results := func(call *command.Call) wire.Array {
		all := wire.Array{}
		for range call.Items {
			all = append(all, command.OK(wire.Object{}))
		}
		return all
	}
	return []command.Command{
		{Name: "quick", Run: func(_ context.Context, call *command.Call) (wire.Array, error) { return results(call), nil }},
		{Name: "sleep", Names: command.Path, Writes: true, Run: func(ctx context.Context, call *command.Call) (wire.Array, error) {
			select {
			case <-time.After(time.Minute):
				return results(call), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}},
		{Name: "hang", Writes: true, Run: func(_ context.Context, call *command.Call) (wire.Array, error) {
			time.Sleep(time.Minute) // in the kernel, where nothing can be cancelled
			call.Emit("late", nil)
			return results(call), nil
		}},
		{Name: "panic", Run: func(context.Context, *command.Call) (wire.Array, error) { panic("a defect") }},
		{Name: "fail", Run: func(context.Context, *command.Call) (wire.Array, error) { return nil, errors.New("oops") }},
		{Name: "emit", Run: func(_ context.Context, call *command.Call) (wire.Array, error) {
			call.Emit("progress", wire.Object{wire.F("n", 1)})
			return results(call), nil
		}},
		{Name: "huge", Run: func(context.Context, *command.Call) (wire.Array, error) {
			return wire.Array{strings.Repeat("x", frames.Limit)}, nil
		}},
	}
}

func meet(t *testing.T) *peer {
	in, send := io.Pipe()
	out, write := io.Pipe()
	p := &peer{t: t, in: send, lines: make(chan string, 5000), signals: make(chan os.Signal, 1), reason: make(chan string, 1)}
	s := &Session{Commands: commands(), Host: harness.NewHost(), Limits: DefaultLimits, Signals: p.signals}
	s.Limits.Commands = 3
	go func() {
		p.reason <- s.Serve(in, write)
		_ = write.Close()
	}()
	go func() {
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 2*frames.Limit)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
		close(p.lines)
	}()
	if ready := p.next(); !strings.Contains(ready, `"type":"READY"`) || !strings.Contains(ready, `["emit","fail","hang"`) {
		t.Fatal(ready)
	}
	return p
}

func (p *peer) say(lines ...string) {
	for _, line := range lines {
		_, _ = io.WriteString(p.in, line+"\n")
	}
}

func (p *peer) next() string { return <-p.lines }

// expect takes the next line, which has to have all of the parts.
func (p *peer) expect(parts ...string) {
	p.t.Helper()
	line := p.next()
	for _, part := range parts {
		if !strings.Contains(line, part) {
			p.t.Fatalf("got %.300s, want %s", line, part)
		}
	}
}

func (p *peer) end(reason string) {
	p.t.Helper()
	for line := range p.lines {
		if strings.Contains(line, `"type":"EXIT"`) && !strings.Contains(line, `"reason":"`+reason+`"`) {
			p.t.Errorf("got %s, want %s", line, reason)
		}
	}
	if got := <-p.reason; got != reason {
		p.t.Errorf("got %s, want %s", got, reason)
	}
	_ = p.in.Close()
}

func TestSession(t *testing.T) {
	for name, test := range map[string]func(p *peer){
		"a command is done": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"quick","items":[{},{}]}`)
			p.expect(`{"id":1,"results":[{"ok":{}},{"ok":{}}],"type":"DONE"}`)
			_ = p.in.Close()
			p.end(EOF)
		},
		"each failure is answered once": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"panic","items":[]}`)
			p.expect(`"id":1`, `"code":"internal"`, "a defect", `"type":"ERROR"`)
			p.say(`{"type":"CMD","id":2,"command":"fail","items":[]}`)
			p.expect(`"id":2`, `"code":"internal"`, "oops")
			p.say(`{"type":"CMD","id":3,"command":"gone","items":[]}`)
			p.expect(`"id":3`, `"code":"unknown_command"`)
			p.say(`{"type":"CMD","id":4,"command":"huge","items":[]}`)
			p.expect(`"id":4`, `"code":"reply_too_large"`)
			p.say(`{"type":"EXIT"}`)
			p.end(Exit)
		},
		"what a command needed is given back at rest": func(p *peer) {
			time.Sleep(DefaultLimits.Rest + time.Second) // as often as there is a rest
			p.say(`{"type":"CMD","id":1,"command":"huge","items":[]}`)
			p.expect(`"code":"reply_too_large"`)
			kept := func() uint64 {
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				return memory.HeapSys - memory.HeapReleased
			}
			before := kept()
			time.Sleep(DefaultLimits.Rest + time.Second)
			if after := kept(); after > before-frames.Limit {
				p.t.Errorf("%d bytes, and then %d", before, after)
			}
			_ = p.in.Close()
			p.end(EOF)
		},
		"events come before the end": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"emit","items":[]}`)
			p.expect(`{"data":{"n":1},"event":"progress","id":1,"type":"EVENT"}`)
			p.expect(`"type":"DONE"`)
			_ = p.in.Close()
			p.end(EOF)
		},
		"a command is cancelled": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"sleep","items":[{}]}`, `{"type":"CANCEL","id":1}`)
			p.expect(`"id":1`, `"code":"cancelled"`, `"class":"transient"`)
			p.say(`{"type":"CANCEL","id":1}`, `{"type":"CANCEL","id":77}`, `{"type":"EXIT"}`)
			p.end(Exit)
		},
		"a deadline passes": func(p *peer) {
			began := time.Now()
			p.say(`{"type":"CMD","id":1,"command":"sleep","items":[{}],"deadline_ms":5000}`)
			p.expect(`"id":1`, `"code":"deadline"`)
			if took := time.Since(began); took != 5*time.Second {
				p.t.Error(took)
			}
			p.say(`{"type":"EXIT"}`)
			p.end(Exit)
		},
		"what hangs is not waited for": func(p *peer) {
			began := time.Now()
			p.say(`{"type":"CMD","id":1,"command":"hang","items":[{}],"deadline_ms":5000}`)
			p.expect(`"id":1`, `"code":"deadline"`)
			if took := time.Since(began); took != 6*time.Second {
				p.t.Error(took)
			}
			p.say(`{"type":"EXIT"}`)
			began = time.Now()
			p.end(Exit)
			if took := time.Since(began); took > 6*time.Second {
				p.t.Error(took)
			}
			time.Sleep(time.Hour) // it comes to its end, and says nothing more
		},
		"too many commands": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"sleep","items":[]}`, `{"type":"CMD","id":2,"command":"sleep","items":[]}`, `{"type":"CMD","id":3,"command":"sleep","items":[]}`,
				`{"type":"CMD","id":4,"command":"sleep","items":[]}`)
			p.expect(`"id":4`, `"code":"too_many_commands"`, `"class":"throttled"`, `"retry_after_ms":100`)
			p.say(`{"type":"CANCEL","id":1}`)
			p.expect(`"id":1`)
			synctest.Wait()
			p.say(`{"type":"CMD","id":5,"command":"quick","items":[]}`)
			p.expect(`"id":5`, "DONE")
			p.say(`{"type":"EXIT"}`)
			p.end(Exit)
		},
		"who waits for his turn can be cancelled": func(p *peer) {
			item := `[{"path":"/same"}]`
			p.say(`{"type":"CMD","id":1,"command":"sleep","items":`+item+`}`, `{"type":"CMD","id":2,"command":"sleep","items":`+item+`}`, `{"type":"CANCEL","id":2}`)
			p.expect(`"id":2`, `"code":"cancelled"`)
			p.say(`{"type":"CMD","id":3,"command":"sleep","items":` + item + `}`)
			p.say(`{"type":"RENEW","ttl_ms":3600000}`)
			began := time.Now()
			for _, id := range []string{`"id":1`, `"id":3`} {
				for line := p.next(); !strings.Contains(line, id); line = p.next() {
					if !strings.Contains(line, "HEARTBEAT") {
						p.t.Fatal(line)
					}
				}
			}
			if took := time.Since(began); took != 2*time.Minute {
				p.t.Error(took)
			}
			p.say(`{"type":"EXIT"}`)
			p.end(Exit)
		},
		"heartbeats fill silence": func(p *peer) {
			began := time.Now()
			for i := range 3 {
				p.expect("HEARTBEAT")
				if took := time.Since(began); took != time.Duration(i+1)*10*time.Second {
					p.t.Error(took)
				}
			}
			time.Sleep(7 * time.Second)
			p.say(`{"type":"HEARTBEAT"}`, `{"type":"CMD","id":1,"command":"quick","items":[]}`)
			p.expect("DONE")
			spoke := time.Now()
			p.expect("HEARTBEAT")
			if silent := time.Since(spoke); silent != 10*time.Second {
				p.t.Error(silent)
			}
			p.say(`{"type":"EXIT"}`)
			p.end(Exit)
		},
		"the time to live ends": func(p *peer) {
			began := time.Now()
			p.end(TTL)
			if took := time.Since(began); took != 10*time.Minute {
				p.t.Error(took)
			}
		},
		"the time to live is renewed": func(p *peer) {
			began := time.Now()
			time.Sleep(9 * time.Minute)
			p.say(`{"type":"RENEW","ttl_ms":1800000}`)
			p.end(TTL)
			if took := time.Since(began); took != 39*time.Minute {
				p.t.Error(took)
			}
		},
		"a signal": func(p *peer) {
			p.say(`{"type":"CMD","id":1,"command":"sleep","items":[{}]}`)
			synctest.Wait()
			p.signals <- syscall.SIGTERM
			p.expect(`"id":1`, `"code":"cancelled"`, "the session is over")
			p.end(Signal)
		},
		"a broken frame": func(p *peer) {
			p.say(`{"type":"CMD","id":1}`)
			p.expect(`"type":"EXIT"`, `"reason":"protocol"`, "bad_field")
			p.end(Protocol)
		},
		"a stream that fails": func(p *peer) {
			_ = p.in.CloseWithError(errors.New("the line is cut"))
			p.expect(`"reason":"eof"`, "the line is cut")
			p.end(EOF)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := meet(t)
				p.t = t
				test(p)
			})
		})
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestASessionEndsWhenNobodyCanBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, send := io.Pipe()
		s := &Session{Commands: commands(), Host: harness.NewHost(), Limits: DefaultLimits}
		if reason := s.Serve(in, failingWriter{}); reason != EOF {
			t.Fatal(reason)
		}
		_ = send.Close()
	})
}

func TestAnErrorThatIsNoFaultIsInternal(t *testing.T) {
	if got := fault.From(errors.New("x"), "y").Code; got != fault.Internal {
		t.Fatal(got)
	}
}
