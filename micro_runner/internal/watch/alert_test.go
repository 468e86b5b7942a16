package watch

import (
	"slices"
	"testing"
	"time"
)

func TestProcessorsAreKeptAwakeForAWhileAndForAQuarterOfTheTimeAtMost(t *testing.T) {
	var asked []int32
	a := &alertness{request: func(latency int32) bool {
		asked = append(asked, latency)
		return true
	}}
	now := time.Unix(1000, 0)
	if a.left(now) >= 0 {
		t.Fatal("held before anything has changed")
	}
	a.heard(now)
	a.heard(now.Add(alertFor / 2)) // does not lengthen it
	if left := a.left(now.Add(alertFor / 2)); left != alertFor/2 {
		t.Fatal(left)
	}
	a.rest(now.Add(alertFor - 1))
	if !slices.Equal(asked, []int32{0}) {
		t.Fatal(asked)
	}
	a.rest(now.Add(alertFor))
	if a.left(now.Add(alertFor)) >= 0 || !slices.Equal(asked, []int32{0, noMatter}) {
		t.Fatal(asked)
	}
	var held time.Duration
	const storm = 10 * time.Second
	for passed := time.Duration(0); passed < storm; passed += time.Millisecond {
		at := now.Add(alertFor + passed)
		a.rest(at)
		a.heard(at)
		if a.left(at) >= 0 {
			held += time.Millisecond
		}
	}
	if held == 0 || held > storm/4+alertFor {
		t.Fatal(held)
	}
}

func TestNothingIsHeldWhereNothingCanBeAskedFor(t *testing.T) {
	asked := 0
	a := &alertness{request: func(int32) bool { asked++; return false }}
	now := time.Unix(1000, 0)
	a.heard(now)
	a.rest(now.Add(time.Second))
	if a.left(now) >= 0 || asked != 1 {
		t.Fatal(asked)
	}
}
