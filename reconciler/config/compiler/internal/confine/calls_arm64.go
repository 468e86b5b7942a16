package confine

import "golang.org/x/sys/unix"

// The older spellings, which only this architecture has.
var (
	lookingHere = []uint32{unix.SYS_FSTATAT}
	refusedHere = []uint32{}
)
