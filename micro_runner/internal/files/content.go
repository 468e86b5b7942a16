package files

import (
	"bytes"
	"context"
	"io"
	"syscall"

	"froyo.dev/runner/internal/sys"
)

// hole is the least run of zeros, aligned, that is not written but left out.
const hole = 64 << 10

var zeros [hole]byte

// fill writes a body to an empty file. Long runs of zeros become holes, so that a sparse file stays one.
func fill(ctx context.Context, fd sys.FD, from io.ReaderAt, size int64) error {
	buffer := make([]byte, min(size, 16*hole))
	sparse := false
	for offset := int64(0); offset < size; offset += int64(len(buffer)) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		buffer = buffer[:min(size-offset, int64(cap(buffer)))]
		if n, err := from.ReadAt(buffer, offset); n < len(buffer) {
			return err
		}
		for start := 0; start < len(buffer); start += hole {
			block := buffer[start:min(start+hole, len(buffer))]
			if len(block) == hole && bytes.Equal(block, zeros[:]) {
				sparse = true
				continue
			}
			if err := writeAll(fd, block, offset+int64(start)); err != nil {
				return err
			}
		}
	}
	if sparse { // it may end in a hole
		return syscall.Ftruncate(int(fd), size)
	}
	return nil
}

func writeAll(fd sys.FD, data []byte, offset int64) error {
	for len(data) > 0 {
		n, err := syscall.Pwrite(int(fd), data, offset)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		data, offset = data[n:], offset+int64(n)
	}
	return nil
}
