// Package fault is what can go wrong, as the protocol reports it: each code with the one class that decides what the
// controller does about it.
//
// Invariant: a message names the path or the thing and the reason, and never holds a body or a temporary file's name.
package fault

import (
	"errors"
	"fmt"
	"syscall"

	"froyo.dev/runner/internal/wire"
)

// Code is a stable name of an error.
type Code string

// The codes of the protocol's §3.
const (
	BlobMissing      Code = "blob_missing"
	Cancelled        Code = "cancelled"
	Deadline         Code = "deadline"
	Timeout          Code = "timeout"
	NoSpace          Code = "no_space"
	Quota            Code = "quota"
	ReadOnly         Code = "read_only"
	NotFound         Code = "enoent"
	UnknownOwner     Code = "unknown_owner"
	Changing         Code = "changing"
	Busy             Code = "busy"
	IO               Code = "io_error"
	Internal         Code = "internal"
	UnknownKey       Code = "unknown_key"
	TooManyCommands  Code = "too_many_commands"
	Conflict         Code = "conflict"
	BadRequest       Code = "bad_request"
	UnknownCommand   Code = "unknown_command"
	BadPath          Code = "bad_path"
	UnsafeSymlink    Code = "unsafe_symlink"
	SymlinkLoop      Code = "symlink_loop"
	NotDirectory     Code = "not_directory"
	IsDirectory      Code = "is_directory"
	WrongType        Code = "wrong_type"
	NotEmpty         Code = "not_empty"
	Immutable        Code = "immutable"
	MountPoint       Code = "mountpoint"
	Access           Code = "eacces"
	Permission       Code = "eperm"
	NameTooLong      Code = "name_too_long"
	NotSupported     Code = "not_supported"
	ValidationFailed Code = "validation_failed"
	CommandNotFound  Code = "command_not_found"
	NotExecutable    Code = "not_executable"
	ReplyTooLarge    Code = "reply_too_large"
	Locked           Code = "locked"
	ToolFailed       Code = "tool_failed"
	Taken            Code = "taken"
	Protected        Code = "protected"
	NotLocal         Code = "not_local"
	NotTheirs        Code = "not_theirs"
	NoPlace          Code = "no_place"
	BadArchive       Code = "bad_archive"
	UnitFailed       Code = "unit_failed"
	UnitMasked       Code = "unit_masked"
	NoSystemd        Code = "no_systemd"
	NoManager        Code = "no_manager"
	Unreachable      Code = "unreachable"
)

// Class is what the controller's scheduler does about an error.
type Class string

// The classes. What is not listed in classes is permanent.
const (
	Transient Class = "transient"
	Throttled Class = "throttled"
	Clash     Class = "conflict"
	Permanent Class = "permanent"
)

var classes = map[Code]Class{
	BlobMissing: Transient, Cancelled: Transient, Deadline: Transient, Timeout: Transient, NoSpace: Transient,
	Quota: Transient, ReadOnly: Transient, NotFound: Transient, UnknownOwner: Transient, Changing: Transient,
	Busy: Transient, IO: Transient, Internal: Transient, UnknownKey: Transient,
	Locked: Transient, ToolFailed: Transient,
	Unreachable: Transient, NoManager: Transient,
	TooManyCommands: Throttled,
	Conflict:        Clash,
}

// retryAfter is what a throttled sender is told, in milliseconds.
const retryAfter = 100

// Fault is an error with a code.
type Fault struct {
	Code    Code
	Message string
}

// New makes a fault; the message is a format.
func New(code Code, format string, arguments ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

func (f *Fault) Error() string { return f.Message }

// Class is decided by the code alone.
func (f *Fault) Class() Class {
	if class, ok := classes[f.Code]; ok {
		return class
	}
	return Permanent
}

// Value is the fault as it travels.
func (f *Fault) Value() wire.Object {
	value := wire.Object{wire.F("class", string(f.Class())), wire.F("code", string(f.Code)), wire.F("message", f.Message)}
	if f.Class() == Throttled {
		value = append(value, wire.F("retry_after_ms", retryAfter))
	}
	return value
}

// About is an obstacle as it travels: the fault, and the subjects with which it may go away, each of which may be enough.
func (f *Fault) About(subjects ...string) wire.Object {
	array := make(wire.Array, len(subjects))
	for i, subject := range subjects {
		array[i] = subject
	}
	return append(f.Value(), wire.F("subjects", array))
}

// No path is ever given to the kernel with links in it that it is to follow: where it says ELOOP, a link has just been put in the place
// of what was looked at. A loop of links is found by the walk, and is a SymlinkLoop.
var errnoCodes = map[syscall.Errno]Code{
	syscall.ENOSPC: NoSpace, syscall.EDQUOT: Quota, syscall.EROFS: ReadOnly, syscall.ENOENT: NotFound,
	syscall.EBUSY: Busy, syscall.ETXTBSY: Busy, syscall.EAGAIN: Busy, syscall.EMFILE: Busy, syscall.ENFILE: Busy, syscall.ENOMEM: Busy,
	syscall.ENOTDIR: NotDirectory, syscall.EISDIR: IsDirectory, syscall.ENOTEMPTY: NotEmpty, syscall.ELOOP: Conflict,
	syscall.EACCES: Access, syscall.EPERM: Permission, syscall.ENAMETOOLONG: NameTooLong,
	syscall.EOPNOTSUPP: NotSupported, syscall.ENOSYS: NotSupported, syscall.EINVAL: NotSupported, syscall.EXDEV: NotSupported,
	syscall.EFBIG: NotSupported,
}

// From wraps any error of an operation on the subject, mostly a path. A Fault passes as it is.
func From(err error, subject string) *Fault {
	var known *Fault
	if errors.As(err, &known) {
		return known
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		code, ok := errnoCodes[errno]
		if !ok {
			code = IO
		}
		return &Fault{Code: code, Message: subject + ": " + errno.Error()}
	}
	return &Fault{Code: Internal, Message: subject + ": " + err.Error()}
}
