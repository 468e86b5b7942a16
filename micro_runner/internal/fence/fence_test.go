package fence

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const store = "0123456789abcdef0123456789abcdef"

func claim(t *testing.T, directory string, token int64) (*Fence, chan error) {
	t.Helper()
	f, passed := In(directory), make(chan error, 1)
	if err := f.Claim(store, token, func(err error) { passed <- err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f, passed
}

func isPassed(err error) bool {
	var passed *Passed
	return errors.As(err, &passed)
}

func TestWithoutAClaimEverythingPasses(t *testing.T) {
	leave, err := new(Fence).Enter()
	if err != nil {
		t.Fatal(err)
	}
	leave()
}

func TestAnOlderTokenDoesNotComeIn(t *testing.T) {
	directory := t.TempDir()
	claim(t, directory, 7)
	if err := In(directory).Claim(store, 6, nil); !isPassed(err) {
		t.Fatalf("got %v", err)
	}
	claim(t, directory, 7) // the same controller, once more
	if err := In(directory).Claim("f"+store[1:], 1, nil); err != nil {
		t.Fatalf("another store is no concern of it: %v", err)
	}
}

func TestANewerTokenEndsTheOlderSession(t *testing.T) {
	directory := t.TempDir()
	old, passed := claim(t, directory, 7)
	newer, _ := claim(t, directory, 8)
	if err := <-passed; !isPassed(err) {
		t.Fatalf("got %v", err)
	}
	if _, err := old.Enter(); !isPassed(err) {
		t.Fatalf("got %v", err)
	}
	leave, err := newer.Enter()
	if err != nil {
		t.Fatal(err)
	}
	leave()
}

func TestANewerTokenWaitsForWhatIsUnderWayAndLetsNothingBegin(t *testing.T) {
	directory := t.TempDir()
	old, passed := claim(t, directory, 7)
	first, err := old.Enter()
	if err != nil {
		t.Fatal(err)
	}
	second, err := old.Enter()
	if err != nil {
		t.Fatal(err)
	}
	first()
	came := make(chan error, 1)
	newer := In(directory)
	go func() { came <- newer.Claim(store, 8, func(error) {}) }()
	<-passed
	if _, err := old.Enter(); !isPassed(err) {
		t.Fatalf("got %v", err)
	}
	select {
	case <-came:
		t.Fatal("it did not wait")
	case <-time.After(10 * glance):
	}
	second()
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	newer.Close()
}

func TestWhatIsNoTokenIsSaid(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, store), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := In(directory).Claim(store, 8, nil); err == nil || isPassed(err) {
		t.Fatalf("got %v", err)
	}
	if err := In(directory+"/missing").Claim(store, 8, nil); err == nil {
		t.Fatal("there is no such directory")
	}
}

func TestALinkIsNotFollowed(t *testing.T) {
	directory := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(directory, store)); err != nil {
		t.Fatal(err)
	}
	if err := In(directory).Claim(store, 8, nil); err == nil {
		t.Fatal("it was followed")
	}
}

func TestWhatNobodyComesWithAnyMoreIsForgotten(t *testing.T) {
	directory := t.TempDir()
	old, _ := claim(t, directory, 9)
	old.Close()
	long := time.Now().Add(-2 * kept)
	if err := os.Chtimes(filepath.Join(directory, store), long, long); err != nil {
		t.Fatal(err)
	}
	if err := In(directory).Claim("f"+store[1:], 1, nil); err != nil {
		t.Fatal(err)
	}
	claim(t, directory, 1)
}

func TestWhatIsAtWorkIsWaitedForWhateverTheClockWas(t *testing.T) {
	directory := t.TempDir()
	old, passed := claim(t, directory, 7)
	leave, err := old.Enter()
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * kept)
	if err := os.Chtimes(filepath.Join(directory, store), long, long); err != nil {
		t.Fatal(err)
	}
	came := make(chan error, 1)
	newer := In(directory)
	go func() { came <- newer.Claim(store, 8, func(error) {}) }()
	<-passed
	select {
	case <-came:
		t.Fatal("it did not wait")
	case <-time.After(10 * glance):
	}
	leave()
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	newer.Close()
}

func TestWhoeverKeepsALockIsNotWaitedForForEver(t *testing.T) {
	patience = 4 * glance
	t.Cleanup(func() { patience = Patience })
	for _, name := range []string{store, store + ".work"} {
		directory := t.TempDir()
		ours, _ := claim(t, directory, 7)
		theirs, err := open(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := lock(theirs, syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Enter(); err == nil || isPassed(err) {
			t.Fatalf("got %v", err)
		}
		newer := In(directory)
		if err := newer.Claim(store, 8, func(error) {}); isPassed(err) || (err == nil) != (name != store) {
			t.Fatalf("got %v", err)
		}
		newer.Close()
		_ = theirs.Close()
	}
}
