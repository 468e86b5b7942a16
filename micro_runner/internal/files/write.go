package files

import (
	"context"
	"syscall"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/digest"
	"froyo.dev/runner/internal/durable"
	"froyo.dev/runner/internal/entry"
	"froyo.dev/runner/internal/frames"
	"froyo.dev/runner/internal/sys"
	"froyo.dev/runner/internal/temp"
	"froyo.dev/runner/internal/walk"
	"froyo.dev/runner/internal/wire"
)

// maxText is how long a content may be that stands in the item itself.
const maxText = 1 << 20

// wanted is one item of file.write.
type wanted struct {
	path           string
	blob           digest.Sum
	hasBlob        bool
	content        []byte // of the blob, where it is at hand
	size           int64  // -1: not said
	mode, uid, gid int
	expect         string
	backup         string
	validate       []string
	sensitive      bool
}

func want(item wire.Object, host *command.Host) (wanted, error) {
	a := command.Read(item)
	w := wanted{
		path: a.Path(), size: a.Int("size", -1, wire.MaxInteger), mode: a.Mode(),
		expect: a.Text("expect"), backup: a.Text("backup"), validate: a.Strings("validate"),
		sensitive: a.Bool("sensitive", false),
	}
	w.blob, w.hasBlob = a.Digest("blob")
	if a.Has("text") {
		content := []byte(a.Text("text"))
		if w.hasBlob || len(content) > maxText {
			a.Fail("text", "a content of at most 1 MiB, in the place of a blob")
		} else if a.Err() == nil {
			w.blob, w.hasBlob = digest.Of(content), true
			host.Blobs.Take(&frames.Blob{Digest: w.blob.String(), Data: content, Last: true})
		}
	}
	w.uid, w.gid = a.Owner(host.Names)
	if a.Has("backup") && !isSuffix(w.backup) {
		a.Fail("backup", "not a suffix for a name")
	}
	if a.Has("validate") && !mentions(w.validate) {
		a.Fail("validate", "no argument has %s")
	}
	return w, a.Err()
}

// job is one write under way.
type job struct {
	wanted
	dir    *place
	name   string
	before entry.Entry
	draft  *temp.Draft // nil: the content stays
	after  entry.Entry
	err    error

	changed bool
	touched sys.FD // an existing file that was changed in place and is to be synced; -1: none
	listing int    // number of the directory that is to be synced; -1: none
}

// place is a directory that holds some of the paths.
type place struct {
	fd      sys.FD
	stat    sys.Stat
	err     error
	listing int // its number among the directories that are to be synced; -1: none yet
}

// write works in portions that the limit of open files allows. Each portion: look, draft, sync, put in place, sync. From
// the first file that is put in place on it cannot be cancelled.
func write(ctx context.Context, host *command.Host, call *command.Call) (wire.Array, error) {
	host.Names.Refresh()
	results := make(wire.Array, 0, len(call.Items))
	size := portion()
	for len(results) < len(call.Items) {
		items := call.Items[len(results):min(len(results)+size, len(call.Items))]
		done, err := writePortion(ctx, host, items)
		if err != nil {
			return nil, err
		}
		results = append(results, done...)
	}
	return results, nil
}

// portion leaves half of the files that may be open to everything else; a job needs three.
func portion() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		limit.Cur = 1024
	}
	const most = 2000
	return int(max(16, min(limit.Cur/6, most)))
}

func writePortion(ctx context.Context, host *command.Host, items []wire.Object) (wire.Array, error) {
	jobs := make([]*job, len(items))
	for i, item := range items {
		jobs[i] = newJob()
		jobs[i].wanted, jobs[i].err = want(item, host)
	}
	if err := carryOut(ctx, host, jobs); err != nil {
		return nil, err
	}
	results := make(wire.Array, len(jobs))
	for i, j := range jobs {
		results[i] = command.Result(j.reply(host), j.err, j.path)
	}
	return results, nil
}

func newJob() *job { return &job{touched: -1, listing: -1} }

// carryOut does those jobs of a portion that have not failed; what befalls one is its own error.
func carryOut(ctx context.Context, host *command.Host, jobs []*job) error {
	places := map[string]*place{}
	defer func() {
		for _, j := range jobs {
			j.close()
		}
		for _, p := range places {
			p.close()
		}
	}()
	for _, j := range jobs {
		if j.err == nil {
			j.err = j.find(places, host)
		}
	}
	if err := each(ctx, jobs, func(j *job) error { return j.prepare(ctx, host) }); err != nil {
		return err
	}
	syncDrafts(jobs)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var directories durable.Directories
	for _, j := range jobs {
		if j.err == nil {
			j.err = j.commit(host, &directories)
		}
	}
	syncCommitted(jobs, &directories)
	return nil
}

// each runs a step of all jobs that have not failed, several at a time.
func each(ctx context.Context, jobs []*job, step func(*job) error) error {
	return command.Each(ctx, len(jobs), func(i int) {
		if jobs[i].err == nil {
			jobs[i].err = step(jobs[i])
		}
	})
}

func (j *job) find(places map[string]*place, host *command.Host) error {
	var dir string
	dir, j.name = walk.Split(j.path)
	if j.dir = places[dir]; j.dir == nil {
		j.dir = &place{listing: -1}
		places[dir] = j.dir
		if j.dir.fd, j.dir.err = walk.Directory(dir); j.dir.err == nil {
			j.dir.stat, j.dir.err = sys.Fstat(j.dir.fd)
		}
		if j.dir.err == nil {
			host.Temps.Sweep(j.dir.fd, &j.dir.stat)
		}
	}
	return j.dir.err
}

func (p *place) close() {
	if p.fd > 0 {
		p.fd.Close()
	}
}

func (j *job) close() {
	if j.draft != nil {
		j.draft.Close()
	}
	if j.touched >= 0 {
		j.touched.Close()
	}
}

func (j *job) reply(host *command.Host) wire.Object {
	if j.err != nil {
		return nil
	}
	return append(wire.Object{wire.F("changed", j.changed)}, j.after.Reply(host.Names)...)
}

// syncDrafts makes the new contents durable before any of them goes live.
func syncDrafts(jobs []*job) {
	var drafts []*job
	var files []durable.File
	for _, j := range jobs {
		if j.err == nil && j.draft != nil {
			drafts, files = append(drafts, j), append(files, durable.File{FD: j.draft.FD, Dev: j.after.Stat.Dev})
		}
	}
	for i, err := range durable.Files(files) {
		drafts[i].err = err
	}
}

// syncCommitted makes the names and the changes in place durable.
func syncCommitted(jobs []*job, directories *durable.Directories) {
	var touched []*job
	var files []durable.File
	for _, j := range jobs {
		if j.touched >= 0 {
			touched, files = append(touched, j), append(files, durable.File{FD: j.touched, Dev: j.after.Stat.Dev})
		}
	}
	for i, err := range durable.Files(files) {
		if touched[i].err == nil {
			touched[i].err = err
		}
	}
	errs := directories.Sync()
	for _, j := range jobs {
		if j.listing >= 0 && j.err == nil {
			j.err = errs[j.listing]
		}
	}
}
