package sys

const (
	sysFstatat        = 79
	sysNameToHandleAt = 264
	sysSyncfs         = 267
	sysRenameat2      = 276
	sysMemfdCreate    = 279
	sysStatx          = 291
	sysOpenat2        = 437
	sysFaccessat2     = 439

	// FanotifyInit and FanotifyMark are numbers for syscall.Syscall.
	FanotifyInit = 262
	FanotifyMark = 263
)
