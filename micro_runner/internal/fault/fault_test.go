package fault

import (
	"syscall"
	"testing"
)

func TestALinkThatCameInBetweenIsAConflict(t *testing.T) {
	if f := From(syscall.ELOOP, "/etc/motd"); f.Code != Conflict || f.Class() != Clash {
		t.Fatal(f.Code, f.Class())
	}
}
