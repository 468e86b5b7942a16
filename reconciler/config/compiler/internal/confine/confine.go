// Package confine takes from the process what it does not need: files, the network, and other programs.
//
// It is the kernel that refuses (seccomp), for all threads and for good. To the process no file is there (ENOENT), so that
// a library which lays files of its own over the machine's finds those alone; all else it may not (EPERM).
package confine

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data.
const (
	offsetOfNumber       = 0
	offsetOfArchitecture = 4
)

var architectures = map[string]uint32{
	"amd64": unix.AUDIT_ARCH_X86_64,
	"arm64": unix.AUDIT_ARCH_AARCH64,
}

// x32 system calls have numbers of their own from here on, and would walk around the list.
const x32 = 0x40000000

// Process gives up opening files, sockets and programs, tracing, and being core-dumped.
func Process() error {
	architecture, known := architectures[runtime.GOARCH]
	if !known {
		return fmt.Errorf("no list of system calls for %s", runtime.GOARCH)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl(PR_SET_DUMPABLE)", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl(PR_SET_NO_NEW_PRIVS)", err)
	}
	filter := program(architecture)
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(
		unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)),
	)
	runtime.KeepAlive(filter)
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// program is the filter: another architecture's calls end the process, those that are listed fail, all others go on.
func program(architecture uint32) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	jump := func(how uint16, value uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | how | unix.BPF_K, Jt: yes, Jf: no, K: value}
	}
	answer := func(value uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
	}
	absent := answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOENT))
	refusal := answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	filter := []unix.SockFilter{
		load(offsetOfArchitecture),
		jump(unix.BPF_JEQ, architecture, 1, 0),
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetOfNumber),
	}
	if architecture == unix.AUDIT_ARCH_X86_64 {
		filter = append(filter, jump(unix.BPF_JGE, x32, 0, 1), refusal)
	}
	for _, number := range looking {
		filter = append(filter, jump(unix.BPF_JEQ, number, 0, 1), absent)
	}
	for _, number := range refused {
		filter = append(filter, jump(unix.BPF_JEQ, number, 0, 1), refusal)
	}
	return append(filter, answer(unix.SECCOMP_RET_ALLOW))
}
