package own_test

import (
	"os/exec"
	"testing"

	"froyo.dev/runner/internal/own"
)

// The kernel tells of what a program did a moment after it has ended.
func TestAProgramIsOursUntilItsNumberIsSomebodyElses(t *testing.T) {
	writes := own.NewWrites()
	program := exec.Command("true")
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	pid := program.Process.Pid
	if writes.IsProgram(pid) {
		t.Error("before it is said")
	}
	end := writes.Program(pid)
	if !writes.IsProgram(pid) {
		t.Error("while it runs")
	}
	if err := program.Wait(); err != nil {
		t.Fatal(err)
	}
	end()
	if !writes.IsProgram(pid) {
		t.Error("right after it has ended")
	}
	for other := range 64 {
		writes.Program(-2 - other)()
	}
	if writes.IsProgram(pid) {
		t.Error("remembered for ever")
	}
}
