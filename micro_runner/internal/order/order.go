// Package order lets those who write to the same subject go one after another, in the order in which they came.
//
// Invariant: tickets are drawn for all subjects of a command at once, by one goroutine, in order of arrival. So nobody can wait for
// somebody who waits for him.
package order

import "context"

// Queue knows who was last to come for each subject. Only one goroutine may call Draw.
type Queue struct {
	last chan map[string]<-chan struct{}
}

// NewQueue makes an empty one.
func NewQueue() *Queue {
	q := &Queue{last: make(chan map[string]<-chan struct{}, 1)}
	q.last <- map[string]<-chan struct{}{}
	return q
}

// Ticket is one command's turn.
type Ticket struct {
	queue    *Queue
	subjects []string
	before   []<-chan struct{}
	over     chan struct{}
}

// Draw takes a place behind all who came for one of the subjects earlier.
func (q *Queue) Draw(subjects []string) *Ticket {
	t := &Ticket{queue: q, subjects: subjects, over: make(chan struct{})}
	last := <-q.last
	for _, subject := range subjects {
		if before := last[subject]; before != nil && before != t.over {
			t.before = append(t.before, before)
		}
		last[subject] = t.over
	}
	q.last <- last
	return t
}

// Wait waits until it is one's turn.
func (t *Ticket) Wait(ctx context.Context) error {
	for _, before := range t.before {
		select {
		case <-before:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Leave lets the next ones go on. Who gives up waiting must not let others overtake those before him, so it waits for them first, in the background.
func (t *Ticket) Leave() {
	for i, before := range t.before {
		select {
		case <-before:
		default:
			go func() {
				for _, before := range t.before[i:] {
					<-before
				}
				t.leave()
			}()
			return
		}
	}
	t.leave()
}

func (t *Ticket) leave() {
	last := <-t.queue.last
	for _, subject := range t.subjects {
		if last[subject] == t.over {
			delete(last, subject)
		}
	}
	t.queue.last <- last
	close(t.over)
}
