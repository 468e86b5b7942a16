package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

const chunk = 1 << 20

func read(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	number := -1
	return command.InOrder(ctx, call.Items, func(item wire.Object) (wire.Object, error) {
		number++
		a := command.Read(item)
		r := reading{
			path: a.Path(), offset: a.Int("offset", 0, wire.MaxInteger), length: a.Int("length", math.MaxInt64, wire.MaxInteger),
			expect: a.Text("expect"), pack: a.Text("encoding") == "gzip", item: number, emit: call.Emit,
		}
		if err := a.Err(); err != nil {
			return nil, err
		}
		return r.run(ctx, host)
	})
}

type reading struct {
	path, expect   string
	offset, length int64
	pack           bool
	item           int
	emit           func(string, wire.Object)
}

func (r *reading) run(ctx context.Context, host *command.Host) (wire.Object, error) {
	dir, name, err := walk.Parent(r.path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	found, err := entry.Look(ctx, dir, name, entry.Wish{Digest: r.expect != ""}, host.Digests)
	switch {
	case err != nil:
		return nil, err
	case r.expect != "" && found.State() != r.expect:
		return nil, fault.New(fault.Conflict, "%s is not as expected", r.path)
	case found.Type == entry.Absent:
		return nil, fault.New(fault.NotFound, "%s does not exist", r.path)
	case found.Type == entry.Directory:
		return nil, fault.New(fault.IsDirectory, "%s is a directory", r.path)
	case found.Type != entry.File:
		return nil, fault.New(fault.WrongType, "%s is not a regular file", r.path)
	}
	fd, err := entry.OpenContent(dir, name)
	if err != nil {
		return nil, err
	}
	file := fd.File(name)
	defer file.Close()
	before, err := sys.Fstat(fd)
	if err != nil {
		return nil, err
	}
	if !before.Is(syscall.S_IFREG) || !before.Unmoved(&found.Stat) && r.expect != "" {
		return nil, fault.New(fault.Conflict, "%s has changed meanwhile", r.path)
	}
	sum, err := r.send(ctx, io.NewSectionReader(file, r.offset, r.length))
	if err != nil {
		return nil, err
	}
	after, err := sys.Fstat(fd)
	if err != nil {
		return nil, err
	}
	if !after.Unmoved(&before) {
		return nil, fault.New(fault.Changing, "%s changed while it was read", r.path)
	}
	return wire.Object{wire.F("digest", sum.String()), wire.F("size", before.Size)}, nil
}

func (r *reading) send(ctx context.Context, from io.Reader) (digest.Sum, error) {
	hash := sha256.New()
	buffer := make([]byte, chunk)
	for offset := r.offset; ; {
		if ctx.Err() != nil {
			return digest.Sum{}, ctx.Err()
		}
		n, err := io.ReadFull(from, buffer)
		if n > 0 {
			hash.Write(buffer[:n])
			data, encoding := r.encode(buffer[:n])
			r.emit("chunk", wire.Object{
				wire.F("data", base64.StdEncoding.EncodeToString(data)), wire.F("encoding", encoding),
				wire.F("item", r.item), wire.F("offset", offset),
			})
			offset += int64(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return digest.Sum(hash.Sum(nil)), nil
		}
		if err != nil {
			return digest.Sum{}, err
		}
	}
}

// encode packs a chunk when that was asked for and pays.
func (r *reading) encode(data []byte) ([]byte, string) {
	if r.pack {
		var packed bytes.Buffer
		writer, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		_, _ = writer.Write(data) // to memory
		_ = writer.Close()
		if packed.Len() < len(data)*9/10 {
			return packed.Bytes(), "gzip"
		}
	}
	return data, "identity"
}
