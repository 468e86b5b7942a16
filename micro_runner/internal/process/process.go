// Package process makes the runner a process that its surroundings need not wonder about: it has a name that says what it is, and
// neither keeps nor hands on what whoever started it had left open, or had set for what is created.
//
// Invariant: nothing that it does can fail a session. Where the kernel does not let it, the runner serves as it is.
package process

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

const (
	// Name is what `ps` shows; the kernel keeps 15 bytes.
	Name = "froyo-runner"
	// umask is the usual one. The runner sets every mode itself, but what the programs create that it starts must not depend on the start-up
	// file of a login shell.
	umask = 0o022
)

// Tidy is for the very beginning, when the process has not opened anything by itself that has to outlive it.
func Tidy() {
	syscall.Umask(umask)
	closeInherited()
	rename()
}

// closeInherited closes every descriptor but the three standard ones that came through execve. Such a one is not marked to be closed by
// execve, or it would not have come; all that Go's runtime has opened since is. The one that the bootstrap executes the runner by is among them: a
// program that the runner starts would get it, and with it the runner's binary, as a file that can be executed.
func closeInherited() {
	directory, err := os.Open("/proc/self/fd")
	if err != nil {
		return
	}
	names, _ := directory.Readdirnames(-1)
	_ = directory.Close()
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil || fd <= 2 {
			continue
		}
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			_ = syscall.Close(fd)
		}
	}
}

// rename gives every thread the name, and the command line: a process that was executed by a descriptor is called "4" otherwise, and its
// command line begins with /proc/self/fd/4, which is what intruders' programs look like.
func rename() {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		_ = os.WriteFile("/proc/self/task/"+thread.Name()+"/comm", []byte(Name), 0)
	}
	if len(os.Args) == 0 || len(os.Args[0]) < len(Name) {
		return
	}
	// Go's runtime does not copy the arguments: this is the memory that /proc/self/cmdline shows.
	argument := unsafe.Slice(unsafe.StringData(os.Args[0]), len(os.Args[0]))
	clear(argument[copy(argument, Name):])
	os.Args[0] = Name
}
