// Package session serves one controller over two streams, from READY to EXIT.
//
// Invariant: each command gets exactly one DONE or ERROR, in time; whatever happens outside, Serve returns by the end of the time
// to live; and when it returns no command is under way any more that could leave something behind.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/fence"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/order"
	"froyo.dev/runner/internal/wire"
)

// Limits are the times and numbers of the protocol.
type Limits struct {
	TTL       time.Duration
	Heartbeat time.Duration
	Commands  int           // under way
	Grace     time.Duration // between a cancelled command's end being due and its ERROR
	Patience  time.Duration // at the end, for writes to be carried through
	Rest      time.Duration // after the last command, until the host has its memory back: Go would keep it for minutes
}

// DefaultLimits are the protocol's.
var DefaultLimits = Limits{
	TTL: 10 * time.Minute, Heartbeat: 10 * time.Second, Commands: 1024, Grace: time.Second, Patience: 5 * time.Second, Rest: 5 * time.Second,
}

// lastPatience is how long the last frames wait for a peer that does not read.
const lastPatience = 200 * time.Millisecond

// Reasons for the end of a session.
const (
	EOF      = "eof"
	Exit     = "exit"
	TTL      = "ttl"
	Protocol = "protocol"
	Signal   = "signal"
	Tampered = "tampered"
	Fenced   = "fenced"
)

// Session is what Serve needs.
type Session struct {
	Hello    frames.Hello // its Commands are filled in
	Commands []command.Command
	Host     *command.Host
	Limits   Limits
	Signals  <-chan os.Signal
	Fence    *fence.Fence // nil for one that lets everything pass

	fenced   bool
	ctx      context.Context
	out      *writer
	commands map[string]command.Command
	turns    *order.Queue
	rest     *time.Timer
	ends     chan end

	mu      sync.Mutex
	tasks   map[int64]*task
	work    sync.WaitGroup // commands that do something
	answers sync.WaitGroup // commands that have not been answered
	renew   chan time.Duration
}

type end struct{ reason, message string }

// Serve runs the session and gives the reason for its end. The EXIT frame has been sent then, if there still was anybody to read it.
func (s *Session) Serve(in io.Reader, out io.Writer) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.ctx = ctx
	s.commands = map[string]command.Command{}
	for _, c := range s.Commands {
		s.commands[c.Name] = c
		s.Hello.Commands = append(s.Hello.Commands, c.Name)
	}
	slices.Sort(s.Hello.Commands)
	s.turns, s.tasks = order.NewQueue(), map[int64]*task{}
	s.rest = time.AfterFunc(s.Limits.Rest, debug.FreeOSMemory)
	defer s.rest.Stop()
	if s.Fence == nil {
		s.Fence = &fence.Fence{}
	}
	defer s.Fence.Close()
	s.ends, s.renew = make(chan end, 8), make(chan time.Duration)
	s.out = newWriter(out, func(err error) { s.finish(EOF, err.Error()) })

	go func() {
		s.out.send(frames.Ready(s.Hello))
		s.read(in)
	}()
	go s.out.beat(ctx, s.Limits.Heartbeat)
	over := s.wait()

	cancel() // nothing new is begun; what is under way comes to its end
	within(s.Limits.Patience, s.work.Wait)
	within(lastPatience, func() { // if there is anybody who reads
		s.answers.Wait()
		s.out.send(frames.Bye(over.reason, over.message))
	})
	return over.reason
}

// within waits for a function, but not for long.
func within(patience time.Duration, f func()) {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// finish asks for the end of the session; the first one counts.
func (s *Session) finish(reason, message string) {
	select {
	case s.ends <- end{reason, message}:
	default:
	}
}

func (s *Session) wait() end {
	life := time.NewTimer(s.Limits.TTL)
	defer life.Stop()
	ttl := s.Limits.TTL
	for {
		select {
		case over := <-s.ends:
			return over
		case ttl = <-s.renew:
			life.Reset(ttl)
		case <-life.C:
			return end{TTL, fmt.Sprintf("no RENEW for %s", ttl)}
		case signal := <-s.Signals:
			return end{Signal, signal.String()}
		}
	}
}

// read takes the controller's frames, one after another. It never waits for a command.
func (s *Session) read(in io.Reader) {
	reader := frames.NewReader(in)
	for s.ctx.Err() == nil {
		frame, err := reader.Next()
		var broken *frames.ProtocolError
		switch {
		case errors.As(err, &broken):
			s.finish(Protocol, broken.Error())
			return
		case err == io.EOF:
			s.finish(EOF, "")
			return
		case err != nil:
			s.finish(EOF, err.Error())
			return
		}
		switch frame := frame.(type) {
		case *frames.Command:
			s.begin(frame)
		case *frames.Cancel:
			s.mu.Lock()
			if under := s.tasks[frame.ID]; under != nil {
				under.cancel(errCancelled)
			}
			s.mu.Unlock()
		case *frames.Blob:
			s.Host.Blobs.Take(frame)
		case *frames.Renew:
			select {
			case s.renew <- frame.TTL:
			case <-s.ctx.Done():
			}
		case *frames.Fence:
			if !s.claim(frame) {
				return
			}
		case *frames.Exit:
			s.finish(Exit, "")
			return
		}
	}
}

// claim takes the session's token, and says whether it goes on. Nothing is read meanwhile, so nothing is begun before it is taken.
func (s *Session) claim(frame *frames.Fence) bool {
	if s.fenced {
		s.finish(Protocol, "a second FENCE")
		return false
	}
	s.fenced = true
	err := s.Fence.Claim(frame.Store, frame.Token, func(err error) { s.finish(Fenced, err.Error()) })
	var passed *fence.Passed
	switch {
	case errors.As(err, &passed):
		s.finish(Fenced, err.Error())
		return false
	case err != nil: // there is no place to keep it: the lease of the store is the only fence then
		fmt.Fprintf(os.Stderr, "runner: no fence: %v\n", err)
	}
	return true
}

var (
	errCancelled = fault.New(fault.Cancelled, "cancelled")
	errDeadline  = fault.New(fault.Deadline, "not done by its deadline")
)

// task is a command under way.
type task struct {
	id       int64
	ctx      context.Context
	cancel   context.CancelCauseFunc
	out      *writer
	mu       sync.Mutex
	answered bool
}

func (s *Session) begin(frame *frames.Command) {
	t := &task{id: frame.ID, out: s.out}
	found, ok := s.commands[frame.Name]
	if !ok {
		t.answer(frames.Failed(t.id, fault.New(fault.UnknownCommand, "no command is called %q", frame.Name)))
		return
	}
	s.mu.Lock()
	full := len(s.tasks) >= s.Limits.Commands
	if !full {
		t.ctx, t.cancel = context.WithCancelCause(s.ctx)
		s.tasks[t.id] = t
		s.work.Add(1)
		s.answers.Add(1)
	}
	s.mu.Unlock()
	if full {
		t.answer(frames.Failed(t.id, fault.New(fault.TooManyCommands, "%d commands are under way", s.Limits.Commands)))
		return
	}
	var turn *order.Ticket
	if found.Writes {
		turn = s.turns.Draw(found.Subjects(frame.Items))
	}
	go s.carryOut(t, found, frame, turn)
}

func (s *Session) carryOut(t *task, found command.Command, frame *frames.Command, turn *order.Ticket) {
	defer s.answers.Done()
	defer func() {
		s.mu.Lock()
		delete(s.tasks, t.id)
		s.mu.Unlock()
		t.cancel(nil)
		s.rest.Reset(s.Limits.Rest)
	}()
	if frame.Deadline > 0 {
		timer := time.AfterFunc(frame.Deadline, func() { t.cancel(errDeadline) })
		defer timer.Stop()
	}
	// A command that hangs in the kernel is not waited for.
	stop := context.AfterFunc(t.ctx, func() {
		time.AfterFunc(s.Limits.Grace, func() { t.answer(frames.Failed(t.id, t.why())) })
	})
	defer stop()
	if turn != nil {
		defer turn.Leave()
		if turn.Wait(t.ctx) != nil {
			s.work.Done()
			t.answer(frames.Failed(t.id, t.why()))
			return
		}
	}
	results, err := s.fencedOff(t, found, frame)
	s.work.Done()
	switch {
	case err == nil:
		t.answer(frames.Done(t.id, results))
	case t.ctx.Err() != nil:
		t.answer(frames.Failed(t.id, t.why()))
	default:
		t.answer(frames.Failed(t.id, fault.From(err, found.Name)))
	}
}

// fencedOff runs a command; what writes, only as long as no newer controller has come.
func (s *Session) fencedOff(t *task, found command.Command, frame *frames.Command) (wire.Array, error) {
	if found.Writes {
		leave, err := s.Fence.Enter()
		if err != nil {
			s.finish(Fenced, err.Error())
			return nil, fault.New(fault.Cancelled, "%s: %v", found.Name, err)
		}
		defer leave()
	}
	return t.run(found, frame)
}

func (t *task) run(found command.Command, frame *frames.Command) (results wire.Array, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			fmt.Fprintf(os.Stderr, "runner: %s: %v\n%s", found.Name, broken, debug.Stack())
			err = fault.New(fault.Internal, "%s: a defect of the runner: %v", found.Name, broken)
		}
	}()
	return found.Run(t.ctx, &command.Call{ID: t.id, Items: frame.Items, Options: frame.Options, Emit: t.emit})
}

// why says what ended the task's context.
func (t *task) why() *fault.Fault {
	var known *fault.Fault
	if errors.As(context.Cause(t.ctx), &known) {
		return known
	}
	return fault.New(fault.Cancelled, "the session is over")
}

// answer ends the task; only the first answer is sent.
func (t *task) answer(frame wire.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answered {
		return
	}
	t.answered = true
	if !t.out.send(frame) {
		t.out.send(frames.Failed(t.id, fault.New(fault.ReplyTooLarge, "the reply does not fit into a frame, ask for less at a time")))
	}
}

func (t *task) emit(event string, data wire.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.answered {
		t.out.send(frames.Event(t.id, event, data))
	}
}
