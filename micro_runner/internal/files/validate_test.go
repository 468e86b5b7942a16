package files

import (
	"os"
	"testing"

	"froyo.dev/runner/internal/execute"
)

// The test binary is the guard of the programs that it runs.
func TestMain(m *testing.M) {
	if len(os.Args) >= 4 && os.Args[1] == execute.GuardMode {
		os.Exit(execute.Guard(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}
