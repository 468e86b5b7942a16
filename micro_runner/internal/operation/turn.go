package operation

import (
	"os"
	"path/filepath"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/wire"
)

// turn waits until no other operation runs that is to be alone with this one; what it returns ends its turn. Such are the ones of
// one subject: an earlier one may still run although whoever asked for it has lost sight of it.
func turn(parent string, item wire.Object) (func(), error) {
	alone := command.Read(item).Text("alone")
	if alone == "" {
		return func() {}, nil
	}
	directory := filepath.Join(parent, "turn")
	name := filepath.Join(directory, alone)
	for {
		if err := os.Mkdir(directory, 0o700); err != nil && !os.IsExist(err) {
			return nil, err
		}
		lock, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if os.IsNotExist(err) {
			continue // the last one has just left
		}
		if err != nil {
			return nil, err
		}
		if err := flock(lock); err != nil {
			_ = lock.Close()
			return nil, err
		}
		held, err := lock.Stat()
		if err == nil {
			// Whoever had it before us has taken its name away: then somebody else may hold another one by now.
			if named, err := os.Stat(name); err == nil && os.SameFile(held, named) {
				return func() {
					_ = os.Remove(name)
					_ = os.Remove(directory)
					_ = lock.Close()
				}, nil
			}
		}
		_ = lock.Close()
	}
}

func flock(file *os.File) error {
	for {
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}
