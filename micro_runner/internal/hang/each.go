package hang

import (
	"context"
	"sync"
	"time"
)

// Looks are looks at paths, and what comes of each.
type Looks[T any] struct {
	Paths   []string
	Apart   string // what sets the looks of a command apart from those of others at the same paths
	Workers int
	// Worker makes what looks at one path after another for one worker, and what is done once it has looked at its last. Who looks at
	// something that is large says now and then that it GoesOn.
	Worker func() (look func(ctx context.Context, i int) T, end func())
	// Hangs is what comes of a path at which nothing answers.
	Hangs func(i int, err error) T
}

type goesOn struct{}

// GoesOn says that something has answered, of a look that takes its time.
func GoesOn(ctx context.Context) {
	if say, ok := ctx.Value(goesOn{}).(func()); ok {
		say()
	}
}

// Each has all looks done, in order, by several workers, until the context ends. Who hangs is left behind with what it looks at, and
// another one goes on.
func Each[T any](ctx context.Context, places *Places, looks Looks[T]) []T {
	c := &crew[T]{Looks: looks, ctx: ctx, places: places, results: make([]T, len(looks.Paths)), hands: map[*hand]struct{}{}, over: make(chan struct{})}
	if len(looks.Paths) == 0 {
		return c.results
	}
	c.mu.Lock()
	for range min(looks.Workers, len(looks.Paths)) {
		c.hire()
	}
	c.mu.Unlock()
	ticker := time.NewTicker(places.patience / 4)
	defer ticker.Stop()
	for {
		select {
		case <-c.over:
			if c.broken != nil {
				panic(c.broken)
			}
			return c.results
		case <-ticker.C:
			GoesOn(ctx) // who waits here does
			c.leave()
		}
	}
}

// crew is the workers of one Each.
type crew[T any] struct {
	Looks[T]
	ctx    context.Context
	places *Places

	mu      sync.Mutex
	next    int
	results []T
	hands   map[*hand]struct{} // who works
	over    chan struct{}      // closed when nobody does any more
	broken  any                // what one of them has panicked with
}

// hand is one worker.
type hand struct {
	at    int // which path it looks at; -1: none yet
	since time.Time
	left  *place // where it was left behind
}

func (c *crew[T]) hire() {
	h := &hand{at: -1, since: time.Now()}
	c.hands[h] = struct{}{}
	go c.work(h)
}

func (c *crew[T]) work(h *hand) {
	defer c.recover(h)
	look, end := c.Worker()
	defer end()
	ctx := context.WithValue(c.ctx, goesOn{}, func() {
		c.mu.Lock()
		h.since = time.Now()
		c.mu.Unlock()
	})
	var result T
	for c.step(h, result) {
		if err := c.places.known(c.Paths[h.at], c.Apart); err != nil {
			result = c.Hangs(h.at, err)
		} else {
			result = look(ctx, h.at)
		}
	}
}

// step takes what came of a path, and gives a worker the next one; false when there is none, or when it has been left behind.
func (c *crew[T]) step(h *hand, result T) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.left != nil {
		c.places.answered(h.left)
		return false
	}
	if h.at >= 0 {
		c.results[h.at] = result
	}
	if c.next == len(c.Paths) || c.ctx.Err() != nil {
		c.gone(h)
		return false
	}
	h.at, h.since = c.next, time.Now()
	c.next++
	return true
}

// recover hands a panic over to who waits.
func (c *crew[T]) recover(h *hand) {
	broken := recover()
	if broken == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.left != nil {
		c.places.answered(h.left)
		return
	}
	c.broken, c.next = broken, len(c.Paths)
	c.gone(h)
}

// leave leaves behind who has not gone on for too long.
func (c *crew[T]) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h := range c.hands {
		if h.at < 0 || time.Since(h.since) < c.places.patience {
			continue
		}
		left, err := c.places.hangs(c.Paths[h.at], c.Apart)
		if left == nil {
			continue
		}
		h.left = left
		c.results[h.at] = c.Hangs(h.at, err)
		if c.next < len(c.Paths) && c.ctx.Err() == nil {
			c.hire()
		}
		c.gone(h)
	}
}

func (c *crew[T]) gone(h *hand) {
	delete(c.hands, h)
	if len(c.hands) == 0 {
		close(c.over)
	}
}
