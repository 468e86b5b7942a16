package archive

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/execute"
	"froyo.dev/runner/internal/fault"
)

const (
	// overhead is what the stream of an archive may have beside the contents: headers and padding of all members.
	overhead = 64 << 20
	// maxIndex bounds the list of members at the end of a zip, which is read as a whole.
	maxIndex = 32 << 20
	magicLen = 512
)

// visit is told of each member by its name in the archive, and reads what is in it, if it wants to.
type visit func(m member, content io.Reader) error

// members goes through an archive from its beginning to its end. It gives a fault of its own for what is no archive, or a broken one.
func members(ctx context.Context, from io.ReaderAt, size, limit int64, see visit) (*tree, error) {
	t := newTree(limit)
	head := make([]byte, magicLen)
	n, err := from.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		err = t.zip(ctx, from, size, see)
	} else {
		err = t.packed(ctx, head, io.NewSectionReader(from, 0, size), see)
	}
	if err == nil && t.count == 0 {
		err = bad("there is nothing in it")
	}
	return t, whole(ctx, err)
}

// whole says of errors of the standard library what they mean for the archive; those of the system stay what they are.
func whole(ctx context.Context, err error) error {
	var known *fault.Fault
	var errno syscall.Errno
	switch {
	case err == nil, errors.As(err, &known), errors.As(err, &errno):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return bad("it ends in the middle")
	}
	return bad("it is broken, or no archive of a kind that is known: %s", err)
}

// packed goes through a tar archive, compressed or not.
func (t *tree) packed(ctx context.Context, head []byte, from io.Reader, see visit) error {
	for _, one := range []struct {
		magic string
		argv  []string
	}{
		{"\xfd7zXZ\x00", []string{"xz", "-dc", "--memlimit-decompress=512MiB"}},
		{"\x28\xb5\x2f\xfd", []string{"zstd", "-dcq", "--no-progress"}},
	} {
		if bytes.HasPrefix(head, []byte(one.magic)) {
			return program(ctx, one.argv, from, func(unpacked io.Reader) error { return t.tar(ctx, unpacked, see) })
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		unpacked, err := gzip.NewReader(bufio.NewReader(from))
		if err != nil {
			return err
		}
		return t.tar(ctx, unpacked, see)
	case bytes.HasPrefix(head, []byte("BZh")):
		return t.tar(ctx, bzip2.NewReader(bufio.NewReader(from)), see)
	}
	return t.tar(ctx, bufio.NewReader(from), see)
}

// program has a program of the target unpack a stream: what the standard library does not know.
func program(ctx context.Context, argv []string, from io.Reader, read func(io.Reader) error) error {
	if why, _ := execute.Lacks(argv[0], "/", nil); why != nil {
		return fault.New(why.Code, "%s; it is what unpacks this archive: declare the Package that has it (on Debian xz-utils or zstd)", why.Message)
	}
	failed := func(said string) error { return bad("%s", said) }
	return execute.Stream(ctx, argv, from, failed, func(unpacked io.Reader) error { return read(bufio.NewReaderSize(unpacked, 64<<10)) })
}

// limited fails where io.LimitReader would say that there is no more.
type limited struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (l *limited) Read(data []byte) (int, error) {
	if l.ctx.Err() != nil {
		return 0, l.ctx.Err()
	}
	n, err := l.from.Read(data)
	if l.left -= int64(n); l.left < 0 {
		return 0, bad("unpacked it has more bytes than maximumSize allows")
	}
	return n, err
}

func (t *tree) tar(ctx context.Context, from io.Reader, see visit) error {
	reader := tar.NewReader(&limited{ctx, from, t.limit + overhead})
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := clean(header.Name)
		if err != nil {
			return err
		}
		m := member{name: name, mode: uint32(header.Mode) & 0o7777}
		switch header.Typeflag {
		case tar.TypeReg, tar.TypeRegA, tar.TypeGNUSparse:
			if m.kind = entry.File; strings.HasSuffix(header.Name, "/") {
				m.kind = entry.Directory // as before there were types
			}
			m.size = header.Size
		case tar.TypeDir:
			m.kind = entry.Directory
		case tar.TypeSymlink:
			m.kind, m.to = entry.Symlink, header.Linkname
		case tar.TypeLink:
			if err := t.alias(name, header.Linkname); err != nil {
				return err
			}
			continue
		case tar.TypeXGlobalHeader:
			continue
		default:
			return bad("%s is a device, a pipe, or something else that is not unpacked", header.Name)
		}
		if err := t.take(ctx, m, reader, see); err != nil {
			return err
		}
	}
}

func (t *tree) zip(ctx context.Context, from io.ReaderAt, size int64, see visit) error {
	if err := checkIndex(from, size); err != nil {
		return err
	}
	reader, err := zip.NewReader(from, size)
	if errors.Is(err, zip.ErrInsecurePath) {
		err = nil // it is looked at below
	}
	if err != nil {
		return err
	}
	for _, file := range reader.File {
		name, err := clean(file.Name)
		if err != nil {
			return err
		}
		if _, twice := t.members[name]; twice && !strings.HasSuffix(file.Name, "/") {
			return bad("%s is there twice", file.Name)
		}
		m := member{name: name, kind: entry.File, mode: uint32(file.Mode().Perm()), size: int64(file.UncompressedSize64)}
		switch mode := file.Mode(); {
		case file.Flags&1 != 0:
			return bad("%s is encrypted", file.Name)
		case file.UncompressedSize64 > 1<<62:
			return bad("%s has an impossible size", file.Name)
		case mode.IsDir() || strings.HasSuffix(file.Name, "/"):
			m.kind, m.size = entry.Directory, 0
		case mode&fs.ModeSymlink != 0:
			m.kind = entry.Symlink
		case mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) != 0:
			return bad("%s is a device, a pipe, or something else that is not unpacked", file.Name)
		}
		if creator := file.CreatorVersion >> 8; creator != 3 && creator != 19 && m.kind != entry.Symlink { // neither Unix nor macOS: it has no modes
			m.mode = map[entry.Type]uint32{entry.File: 0o644, entry.Directory: 0o755}[m.kind]
		}
		if mode := file.Mode(); mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			m.mode |= setID // which of them does not matter: it is refused, or not kept
		}
		if err := t.takeZipped(ctx, m, file, see); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) takeZipped(ctx context.Context, m member, file *zip.File, see visit) error {
	content, err := file.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	from := &limited{ctx, content, m.size + overhead}
	if m.kind != entry.Symlink {
		return t.take(ctx, m, from, see)
	}
	to, err := io.ReadAll(io.LimitReader(from, maxName+1))
	if err != nil {
		return err
	}
	m.to, m.size = string(to), 0
	return t.take(ctx, m, nil, see)
}

// checkIndex bounds the list of members at the end of a zip before it is read.
func checkIndex(from io.ReaderAt, size int64) error {
	const record, comment = 22, 65535
	length := min(size, record+comment)
	tail := make([]byte, length)
	if _, err := from.ReadAt(tail, size-length); err != nil && err != io.EOF {
		return err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < record {
		return bad("it ends in the middle")
	}
	end := tail[at:]
	count := binary.LittleEndian.Uint16(end[10:])
	index, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	if count > maxMembers {
		return bad("it has more than %d members", maxMembers)
	}
	if before := size - length + int64(at); index > maxIndex || before-offset > maxIndex+index {
		return bad("its list of members is too long")
	}
	return nil
}

// take notes a member, reads it, and shows it.
func (t *tree) take(ctx context.Context, m member, content io.Reader, see visit) error {
	if err := t.counts(m.name, m.size); err != nil {
		return err
	}
	if m.name == "" {
		if m.kind != entry.Directory {
			return bad("one of its members has no name")
		}
		return nil
	}
	if see != nil {
		if err := see(m, content); err != nil {
			return err
		}
	} else if m.kind == entry.File {
		sum, size, err := digest.Read(ctx, content)
		if err != nil {
			return err
		}
		if size != m.size {
			return bad("%s has %d bytes, and not %d as it says", m.name, size, m.size)
		}
		m.digest = sum
	}
	return t.add(m)
}
