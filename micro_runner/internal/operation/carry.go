package operation

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/wire"
)

// Mode is the runner's argument for carrying out an operation.
const Mode = "operation"

const (
	running = iota
	ended
	gone
)

// startPatience is how long a carrier may take until it holds its lock.
const startPatience = 10 * time.Second

// begin makes the directory and starts the carrier. os.ErrExist says that there is one.
func begin(directory, name string, item wire.Object) error {
	if err := os.Mkdir(directory, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(directory, "spec"), wire.Append(nil, wire.Object{wire.F("command", name), wire.F("item", item)}), 0o600); err != nil {
		return fault.From(err, directory)
	}
	if err := start(directory); err != nil {
		return fault.From(err, directory)
	}
	return nil
}

// start starts the carrier. The runner's file is gone by then, and is had through /proc.
func start(directory string) error {
	if _, err := os.Stat("/run/systemd/system"); err == nil && os.Geteuid() == 0 {
		if systemd, err := exec.LookPath("systemd-run"); err == nil {
			unit := "--unit=froyo-op-" + filepath.Base(directory)
			runner := "/proc/" + strconv.Itoa(os.Getpid()) + "/exe"
			if exec.Command(systemd, unit, "--collect", "--quiet", "--service-type=exec", "--property=KillMode=process", runner, Mode, directory).Run() == nil {
				return nil
			}
		}
	}
	command := exec.Command("/proc/self/exe", Mode, directory)
	command.Args[0] = "froyo-operation"
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	command.Dir = "/"
	if err := command.Start(); err != nil {
		return err
	}
	go func() { _ = command.Wait() }()
	return nil
}

// state is how far an operation is.
func state(directory string) int {
	if _, err := os.Stat(filepath.Join(directory, "result")); err == nil {
		return ended
	}
	lock, err := os.Open(filepath.Join(directory, "lock"))
	if err != nil { // it has not begun yet
		if info, err := os.Stat(directory); err == nil && time.Since(info.ModTime()) < startPatience {
			return running
		}
		return gone
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return running
	}
	if _, err := os.Stat(filepath.Join(directory, "result")); err == nil { // it came just now
		return ended
	}
	return gone
}

// Carry carries out the operation of a directory, to its end, by one of some commands.
func Carry(directory string, all []command.Command) int {
	lock, err := os.OpenFile(filepath.Join(directory, "lock.new"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	// To the very end: a file that nobody refers to any more is closed by the garbage collector, and the lock is gone with it.
	defer lock.Close()
	if err != nil || syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return 1
	}
	// There is a lock from the moment at which it is held.
	if os.Rename(filepath.Join(directory, "lock.new"), filepath.Join(directory, "lock")) != nil {
		return 1
	}
	result := carried(directory, all)
	if os.WriteFile(filepath.Join(directory, "result.new"), wire.Append(nil, result), 0o600) != nil {
		return 1
	}
	if os.Rename(filepath.Join(directory, "result.new"), filepath.Join(directory, "result")) != nil {
		return 1
	}
	return 0
}

// carried is the result of doing it, with the name of the command whose it is.
func carried(directory string, all []command.Command) wire.Object {
	spec, err := object(filepath.Join(directory, "spec"))
	if err != nil {
		return command.Failed(err, "the operation")
	}
	// It may hold a secret, and nobody reads it again.
	if err := os.Remove(filepath.Join(directory, "spec")); err != nil {
		return command.Failed(err, "the operation")
	}
	name := command.Text(spec, "command")
	value, _ := spec.Get("item")
	item, _ := value.(wire.Object)
	place := slices.IndexFunc(all, func(one command.Command) bool { return one.Lasts && one.Name == name })
	if place < 0 {
		return command.Failed(fault.New(fault.BadRequest, "%s does not last", name), "")
	}
	result, err := one(filepath.Dir(filepath.Dir(directory)), &all[place], item)
	if err != nil {
		result = command.Failed(err, "the operation")
	}
	return append(result, wire.F("command", name))
}

// one does an item when it is its turn.
func one(parent string, of *command.Command, item wire.Object) (wire.Object, error) {
	over, err := turn(parent, item)
	if err != nil {
		return nil, err
	}
	defer over()
	results, err := of.Run(context.Background(), &command.Call{Items: []wire.Object{item}})
	if err != nil {
		return nil, err
	}
	return results[0].(wire.Object), nil
}

func object(file string) (wire.Object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value, err := wire.Parse(text)
	result, ok := value.(wire.Object)
	if err == nil && !ok {
		err = errors.New(file + " holds no object")
	}
	return result, err
}

// read is the result of what has ended, for the command whose it is.
func read(directory, name string) (wire.Object, error) {
	kept, err := object(filepath.Join(directory, "result"))
	if err != nil {
		return nil, fault.From(err, directory)
	}
	if of := command.Text(kept, "command"); of != name && of != "" {
		return nil, fault.New(fault.BadRequest, "id: it is the name of another command's operation")
	}
	for _, field := range []string{"ok", "error"} {
		if value, ok := kept.Get(field); ok {
			return wire.Object{wire.F(field, value)}, nil
		}
	}
	return nil, fault.New(fault.IO, "%s: what came of it is not kept", name)
}
