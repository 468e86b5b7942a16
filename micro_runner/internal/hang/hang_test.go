package hang

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"froyo.dev/runner/internal/fault"
)

const soon = 50 * time.Millisecond

func looks(paths []string, look func(ctx context.Context, i int) string) Looks[string] {
	return Looks[string]{
		Paths: paths, Apart: "test", Workers: 1,
		Worker: func() (func(context.Context, int) string, func()) { return look, func() {} },
		Hangs:  func(_ int, err error) string { return "hangs: " + err.Error() },
	}
}

func TestWhoHangsIsLeftBehindAndTheOthersGoOn(t *testing.T) {
	places := NewPlaces().Patience(soon)
	hanging := make(chan struct{})
	var asked atomic.Int32
	look := func(_ context.Context, i int) string {
		if i == 1 {
			asked.Add(1)
			<-hanging
		}
		return fmt.Sprint(i)
	}
	paths := []string{"/a", "/b", "/c"}
	freed := make(chan struct{}, 1)
	places.Freed(func() { freed <- struct{}{} })
	for range 2 {
		got := Each(context.Background(), places, looks(paths, look))
		if got[0] != "0" || got[2] != "2" || got[1] != "hangs: /b did not answer within 50ms, and nobody asks again until it does" {
			t.Fatal(got)
		}
	}
	if asked.Load() != 1 {
		t.Fatal("it was asked again while it hung")
	}
	if err := places.Within("/b/below"); err != nil {
		t.Fatal("a path that hangs says nothing of what is below it:", err)
	}
	close(hanging)
	<-freed
	if got := Each(context.Background(), places, looks(paths, look)); got[1] != "1" {
		t.Fatal(got)
	}
}

func TestWhoGoesOnIsWaitedFor(t *testing.T) {
	places := NewPlaces().Patience(soon)
	got := Each(context.Background(), places, looks([]string{"/a"}, func(ctx context.Context, _ int) string {
		// What one waits for here goes on, and so does who waits.
		return Each(ctx, places, looks([]string{"/a/b"}, func(ctx context.Context, _ int) string {
			for range 20 {
				time.Sleep(soon / 5)
				GoesOn(ctx)
			}
			return "done"
		}))[0]
	}))
	if got[0] != "done" {
		t.Fatal(got)
	}
}

func TestNoMoreAreLeftBehindThanThereMayBe(t *testing.T) {
	places := NewPlaces().Patience(soon)
	for i := range most {
		if at, err := places.hangs(fmt.Sprintf("/%d", i), ""); at == nil || err == nil {
			t.Fatal(i)
		}
	}
	hanging := make(chan struct{})
	time.AfterFunc(4*soon, func() { close(hanging) })
	got := Each(context.Background(), places, looks([]string{"/one/more"}, func(context.Context, int) string {
		<-hanging
		return "waited for"
	}))
	if got[0] != "waited for" {
		t.Fatal(got)
	}
}

func TestAPanicIsThatOfWhoWaits(t *testing.T) {
	defer func() {
		if broken := recover(); broken != "broken" {
			t.Fatal(broken)
		}
	}()
	Each(context.Background(), NewPlaces(), looks([]string{"/a", "/b"}, func(context.Context, int) string { panic("broken") }))
	t.Fatal("nobody has heard of it")
}

func TestAllBelowAMountPointHangsWithIt(t *testing.T) {
	places := NewPlaces()
	at, err := places.hangs("/proc/1/status", "")
	var known *fault.Fault
	if !errors.As(err, &known) || known.Code != fault.Timeout || at.path != "/proc" {
		t.Fatal(at, err)
	}
	if places.Within("/proc/self") == nil || places.Within("/proc") == nil || places.Within("/process") != nil {
		t.Fatal("not what is below the mount point")
	}
	places.answered(at)
	if places.Within("/proc/self") != nil {
		t.Fatal("it answers again")
	}
}

func TestNamesOfMountPointsAreReadAsTheyAre(t *testing.T) {
	for written, name := range map[string]string{`/mnt`: "/mnt", `/a\040b`: "/a b", `/a\134`: `/a\`, `/odd\9`: `/odd\9`} {
		if got := unescaped(written); got != name {
			t.Errorf("%s: %q", written, got)
		}
	}
}
