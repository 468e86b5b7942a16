package execute

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/confine"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/harness"
)

func TestMain(m *testing.M) {
	if len(os.Args) >= 6 && os.Args[1] == confine.Mode {
		os.Exit(confine.Become(os.Args[2:]))
	}
	if len(os.Args) >= 4 && os.Args[1] == GuardMode {
		os.Exit(Guard(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// script makes a program of a text.
func script(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := harness.Put(t, filepath.Join(t.TempDir(), "script"), text)
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// A script from a checkout on Windows failed with "no such file or directory", although it was there; one without `#!`, which any shell runs,
// with an advice to look into the kernel's log; and one without x with an advice to look for AppArmor.
func TestWhyAFileIsNoProgramIsSaid(t *testing.T) {
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	gone := filepath.Join(t.TempDir(), "python3")
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		code fault.Code
		said string
	}{
		"line ends of Windows":    {"#!/bin/sh\r\ntrue\r\n", 0o755, fault.NotExecutable, "Windows"},
		"an interpreter that was": {"#! " + gone + " -u\n", 0o755, fault.CommandNotFound, gone + ", the interpreter"},
		"no first line":           {"true\n", 0o755, fault.NotExecutable, "#!"},
		"nothing in it":           {"", 0o755, fault.NotExecutable, "#!"},
		"a mode without x":        {"#!/bin/sh\n", 0o644, fault.NotExecutable, "without x"},
	} {
		t.Run(name, func(t *testing.T) {
			path := script(t, c.text, c.mode)
			for _, call := range []string{"exec", "exec.check", "exec.check.unconfined"} {
				if call == "exec.check" && !confine.Available() {
					continue
				}
				if said := h.Fails(c.code, call, harness.Object{"argv": []string{path}}); !strings.Contains(said, c.said) || !strings.Contains(said, path) {
					t.Errorf("%s: %s", call, said)
				}
			}
		})
	}
	h.Fails(fault.NotExecutable, "exec", harness.Object{"argv": []string{"./" + filepath.Base(gone)}, "cwd": filepath.Dir(harness.Put(t, gone, "x"))})
}

func TestWhatCouldMakeAProgramOfItIsNamed(t *testing.T) {
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	gone := filepath.Join(t.TempDir(), "python3")
	path := script(t, "#!"+gone+"\n", 0o755)
	if got := codes(h, harness.Object{"argv": []string{path}}); len(got) != 1 || got[0] != "command_not_found path:"+path+" path:"+gone {
		t.Error(got)
	}
	for _, text := range []string{"#!/bin/sh", "#!/usr/bin/env no-program-is-called-so\n", "#!\n", "#!sh\n", "\x7fELF"} {
		if got := codes(h, harness.Object{"argv": []string{script(t, text, 0o755)}}); len(got) != 0 {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// `unless: [/root/bin/is-initialised]` with a user who may not look into /root was taken for "it is not", and the database made anew.
func TestACheckThatCannotBeBegunIsNoAnswer(t *testing.T) {
	harness.NeedRoot(t)
	if !confine.Available() {
		t.Skip("checks cannot be confined here")
	}
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	hidden := harness.Object{"argv": []string{script(t, "#!/bin/sh\n", 0o700)}, "user": "nobody"}
	if said := h.Fails(fault.NotExecutable, "exec.check", hidden); !strings.Contains(said, "the user nobody") {
		t.Error(said)
	}
	if answer := h.OK("exec.check", harness.Object{"argv": []string{"sh", "-c", "exit 126"}}); answer["exit"] != int64(126) {
		t.Error(answer)
	}
}

// A check that left something running left one more of it at each look, once a minute, until the machine had no room for processes.
func TestACheckLeavesNothingRunning(t *testing.T) {
	h := harness.New(t, func(*command.Host) []command.Command { return Commands() })
	held := filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(held, 0o600); err != nil {
		t.Fatal(err)
	}
	// Whoever has it open for reading lives.
	file, err := os.OpenFile(held, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for status := range 2 {
		argv := []string{"sh", "-c", "sleep 1000 <" + held + " & exit " + strconv.Itoa(status)}
		if answer := h.OK("exec.check.unconfined", harness.Object{"argv": argv}); answer["exit"] != int64(status) {
			t.Error(answer)
		}
	}
	file.Close()
	for {
		file, err := os.OpenFile(held, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return // nobody reads: they are gone, or as good as that
		}
		file.Close()
	}
}
