package order

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTicketsOfOnePathGoInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		random := rand.New(rand.NewSource(1))
		var mu sync.Mutex
		order := map[string][]int{}
		var group sync.WaitGroup
		for i := range 500 {
			var paths []string
			for range 1 + random.Intn(3) {
				paths = append(paths, fmt.Sprint("/", random.Intn(5)))
			}
			ticket := q.Draw(paths)
			giveUp, work := random.Intn(4) == 0, time.Duration(random.Intn(1000))*time.Microsecond
			group.Go(func() {
				defer ticket.Leave()
				ctx, cancel := context.WithCancel(context.Background())
				if giveUp {
					time.AfterFunc(time.Millisecond, cancel)
				}
				defer cancel()
				if ticket.Wait(ctx) != nil {
					return
				}
				mu.Lock()
				for _, path := range paths {
					if n := len(order[path]); n > 0 && order[path][n-1] > i {
						t.Errorf("%d came after %d", i, order[path][n-1])
					}
					order[path] = append(order[path], i)
				}
				mu.Unlock()
				time.Sleep(work)
			})
		}
		group.Wait()
		synctest.Wait()
		if last := <-q.last; len(last) != 0 {
			t.Fatalf("%d paths are remembered for ever", len(last))
		}
	})
}

func TestOthersDoNotWait(t *testing.T) {
	q := NewQueue()
	first := q.Draw([]string{"/a", "/a"})
	second := q.Draw([]string{"/b"})
	if err := second.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	third := q.Draw([]string{"/b", "/a"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := third.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := first.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}
