package sys

const (
	sysFstatat        = 262
	sysNameToHandleAt = 303
	sysSyncfs         = 306
	sysRenameat2      = 316
	sysMemfdCreate    = 319
	sysStatx          = 332
	sysOpenat2        = 437
	sysFaccessat2     = 439

	// FanotifyInit and FanotifyMark are numbers for syscall.Syscall.
	FanotifyInit = 300
	FanotifyMark = 301
)
