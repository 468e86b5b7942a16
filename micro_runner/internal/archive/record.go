package archive

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// maxRecord bounds a record, of which the largest has some 10 MB.
const maxRecord = 16 << 20

// record is what an archive has in it that was unpacked at a path: without it nobody would know what is to be there once the archive
// itself has gone. It is written before anything is unpacked.
type record struct {
	archive digest.Sum
	made    bool // the directory itself, for it
	members []member
}

// records are those of this target, one for each path.
type records struct {
	place string // the directory that they lie in

	mu    sync.Mutex
	known map[digest.Sum]*record // by the digest of the file
}

const maxKnown = 64

func newRecords() *records {
	place := "/var/lib/froyo/archives"
	if os.Geteuid() != 0 {
		if home, err := os.UserHomeDir(); err == nil {
			place = filepath.Join(home, ".local/state/froyo/archives")
		}
	}
	return &records{place: place, known: map[digest.Sum]*record{}}
}

// of is where the record of a path lies.
func (r *records) of(path string) string {
	return r.place + "/" + digest.Of([]byte(path)).String()[len("sha256:"):] + ".json"
}

// begun is the mark that an unpacking at a path has been begun and is not known to have come to its end.
func (r *records) begun(path string) string { return r.of(path) + ".begun" }

// begin puts the mark there, and end takes it away.
func (r *records) begin(ctx context.Context, u *unpacking) error {
	// Something that no other file has in it: what is forgotten here is nobody else's body.
	content := []byte("What is in an archive is being unpacked at " + u.path + ".\n")
	mark := digest.Of(content).String()
	if err := u.host.Blobs.Receive(mark, bytes.NewReader(content), int64(len(content))); err != nil {
		return received(err, "the mark that it is begun")
	}
	defer u.host.Blobs.Forget(mark)
	if _, err := u.run(ctx, "dir.ensure", []wire.Object{{wire.F("path", r.place), wire.F("mode", "0700"), wire.F("parents", true)}}); err != nil {
		return err
	}
	_, err := u.run(ctx, "file.write", []wire.Object{{wire.F("path", r.begun(u.path)), wire.F("blob", mark), wire.F("mode", "0600")}})
	return err
}

func (r *records) end(ctx context.Context, u *unpacking) error {
	_, err := u.run(ctx, "file.remove", []wire.Object{{wire.F("path", r.begun(u.path))}})
	return err
}

// unfinished tells whether it is there. What cannot be looked at is none: then somebody is told of who did it that it is not known.
func (r *records) unfinished(path string) bool {
	_, err := os.Lstat(r.begun(path))
	return err == nil
}

// load gives the record of a path; nil where there is none, or none that can be read: then it is made anew.
func (r *records) load(ctx context.Context, host *command.Host, path string) (*record, error) {
	dir, name, err := walk.Parent(r.of(path))
	if err != nil {
		if code := fault.From(err, r.place).Code; code == fault.NotFound || code == fault.NotDirectory {
			return nil, nil
		}
		return nil, err
	}
	defer dir.Close()
	stat, err := sys.Fstat(dir)
	if err != nil {
		return nil, err
	}
	if int(stat.UID) != os.Geteuid() || stat.Mode&0o022 != 0 {
		return nil, fault.New(fault.NotTheirs, "%s is not the runner's alone; what is in it is not believed", r.place)
	}
	found, err := entry.Look(ctx, dir, name, entry.Wish{Digest: true}, host.Digests)
	if err != nil || found.Type != entry.File {
		return nil, err
	}
	r.mu.Lock()
	known := r.known[found.Digest]
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err = entry.Look(ctx, dir, name, entry.Wish{Digest: true, Bytes: maxRecord}, host.Digests)
	if err != nil {
		return nil, err
	}
	read := parse(found.Content)
	if read != nil {
		r.mu.Lock()
		if len(r.known) >= maxKnown {
			clear(r.known)
		}
		r.known[found.Digest] = read
		r.mu.Unlock()
	}
	return read, nil
}

// save writes the record of a path.
func (r *records) save(ctx context.Context, u *unpacking, of *record) error {
	content := of.text()
	name := digest.Of(content).String()
	if err := u.host.Blobs.Receive(name, bytes.NewReader(content), maxRecord); err != nil {
		return received(err, "the record of what is in the archive")
	}
	_, err := u.run(ctx, "dir.ensure", []wire.Object{{wire.F("path", r.place), wire.F("mode", "0700"), wire.F("parents", true)}})
	if err != nil {
		return err
	}
	_, err = u.run(ctx, "file.write", []wire.Object{{wire.F("path", r.of(u.path)), wire.F("blob", name), wire.F("mode", "0600")}})
	u.host.Blobs.Forget(name)
	return err
}

// remove takes the record of a path away.
func (r *records) remove(ctx context.Context, u *unpacking) error {
	_, err := u.run(ctx, "file.remove", []wire.Object{{wire.F("path", r.of(u.path))}, {wire.F("path", r.begun(u.path))}})
	return err
}

func (r *record) text() []byte {
	members := make(wire.Array, len(r.members))
	for i, m := range r.members {
		sum := ""
		if m.kind == entry.File {
			sum = m.digest.String()
		}
		members[i] = wire.Array{m.name, string(m.kind), int64(m.mode), m.size, sum, m.to, m.copyOf}
	}
	return wire.Append(nil, wire.Object{wire.F("archive", r.archive.String()), wire.F("made", r.made), wire.F("members", members)})
}

// parse reads what text writes; nil where it is something else.
func parse(content []byte) *record {
	value, err := wire.Parse(content)
	whole, ok := value.(wire.Object)
	if err != nil || !ok {
		return nil
	}
	archive, _ := whole.Get("archive")
	text, _ := archive.(string)
	sum, ok := digest.Parse(text)
	listed, _ := whole.Get("members")
	members, is := listed.(wire.Array)
	if !ok || !is || len(members) > maxMembers {
		return nil
	}
	made, _ := whole.Get("made")
	read := &record{archive: sum, made: made == true}
	for _, one := range members {
		fields, _ := one.(wire.Array)
		if len(fields) != 7 {
			return nil
		}
		var texts [7]string
		for i, field := range fields {
			texts[i], _ = field.(string)
		}
		mode, _ := wire.Int(fields[2], 0, 0o7777)
		size, _ := wire.Int(fields[3], 0, wire.MaxInteger)
		m := member{name: texts[0], kind: entry.Type(texts[1]), mode: uint32(mode), size: size, to: texts[5], copyOf: texts[6]}
		if m.kind == entry.File {
			if m.digest, ok = digest.Parse(texts[4]); !ok {
				return nil
			}
		}
		if name, err := clean(m.name); err != nil || name != m.name || name == "" {
			return nil
		}
		read.members = append(read.members, m)
	}
	return read
}
