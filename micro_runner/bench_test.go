package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"froyo.dev/runner/internal/harness/disk"
)

// thousand makes a directory with a thousand small files, and the items to stat them.
func thousand(b *testing.B) (items []object) {
	directory := b.TempDir()
	for i := range 1000 {
		path := put(b, filepath.Join(directory, fmt.Sprintf("file-%04d", i)), fmt.Sprintf("content of file %d\n", i))
		items = append(items, object{"path": path})
	}
	time.Sleep(50 * time.Millisecond) // past git's racy time
	return items
}

func BenchmarkStatThousandCold(b *testing.B) {
	items := thousand(b)
	for b.Loop() {
		b.StopTimer()
		c := start(b)
		b.StartTimer()
		c.do("file.stat", items...)
		b.StopTimer()
		_ = c.in.Close()
		<-c.exited
		b.StartTimer()
	}
}

func BenchmarkStatThousandWarm(b *testing.B) {
	items := thousand(b)
	c := start(b)
	c.do("file.stat", items...)
	for b.Loop() {
		c.do("file.stat", items...)
	}
}

func BenchmarkObserveThousandUnchanged(b *testing.B) {
	items := thousand(b)
	c := start(b)
	batch := []object{{"command": "file.stat", "items": items}}
	first := c.answer(c.begin("observe", []object{{}}, object{"options": object{"key": "k", "batch": batch}}))
	digest := first["results"].([]any)[0].(object)["ok"].(object)["digest"]
	for b.Loop() {
		answer := c.answer(c.begin("observe", []object{{}}, object{"options": object{"key": "k", "digest": digest}}))
		if answer["results"].([]any)[0].(object)["ok"].(object)["unchanged"] != true {
			b.Fatal(answer)
		}
	}
}

func BenchmarkWriteThousandNew(b *testing.B) {
	directory := diskDir(b)
	c := start(b)
	round := 0
	for b.Loop() {
		b.StopTimer()
		round++
		below := filepath.Join(directory, fmt.Sprint(round))
		if err := os.Mkdir(below, 0o755); err != nil {
			b.Fatal(err)
		}
		items := make([]object, 1000)
		for i := range items {
			blob := c.send([]byte(fmt.Sprintf("round %d, content %d\n", round, i)))
			items[i] = object{"path": fmt.Sprintf("%s/file-%04d", below, i), "blob": blob, "mode": "0644"}
		}
		c.do("facts", object{}) // the bodies have arrived
		b.StartTimer()
		c.do("file.write", items...)
	}
}

func BenchmarkWriteOne(b *testing.B) {
	path := filepath.Join(diskDir(b), "file")
	c := start(b)
	bodies := []string{c.send([]byte("one\n")), c.send([]byte("other\n"))}
	n := 0
	for b.Loop() {
		n++
		c.ok("file.write", object{"path": path, "blob": bodies[n%2]})
	}
}

// diskDir is a directory on a real file system.
func diskDir(t testing.TB) string { return disk.New(t) }

func BenchmarkWatchLatency(b *testing.B) {
	path := put(b, filepath.Join(diskDir(b), "file"), "")
	c := start(b)
	id := c.begin("watch", nil, object{"options": object{"subjects": []string{"path:" + path}}})
	c.event(id)
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		put(b, path, "spoiled")
		c.event(id)
		times = append(times, time.Since(began))
		b.StopTimer()
		for quiet := false; !quiet; { // the same write may be told in two events
			select {
			case <-c.events[id]:
			case <-time.After(3 * time.Millisecond):
				quiet = true
			}
		}
		b.StartTimer()
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}
