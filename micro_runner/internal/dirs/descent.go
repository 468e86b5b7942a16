package dirs

import (
	"slices"
	"strings"
	"syscall"

	"froyo.dev/runner/internal/fault"
	"froyo.dev/runner/internal/sys"
)

const (
	// kept is how many directories of the way down stay open. It has to leave descriptors to a thousand commands at once.
	kept = 16
	// maxShown is how long a path in a message may be: no path is longer, but a tree can be deeper than any path.
	maxShown = 4096
)

// descent is the way from a directory down to where a recursive command is at work. However deep that is, it takes a bounded number of
// descriptors: beyond the first few levels only the last two are open, and a directory further up is opened again from below, by "..",
// when it is its turn, and has to be the same one still.
type descent struct {
	path   string // of the directory where it began
	flags  int    // to open a directory with, beyond those that all have
	levels []level
	buffer []byte
}

type level struct {
	dir   sys.FD // -1 while it is closed
	stat  sys.Stat
	name  string   // in the directory above
	names []string // what is in it and still to be looked at, in order
}

// begin opens the first directory.
func (d *descent) begin(dir sys.FD, name string) error { return d.push(dir, name) }

// enter opens a directory in the last one.
func (d *descent) enter(name string) error {
	if err := d.push(d.last().dir, name); err != nil {
		return err
	}
	if i := len(d.levels) - 3; i >= kept {
		d.levels[i].close()
	}
	return nil
}

func (d *descent) push(dir sys.FD, name string) error {
	fd, err := d.open(dir, name)
	if err != nil {
		return err
	}
	next := level{dir: fd, name: name}
	if next.stat, err = sys.Fstat(fd); err == nil {
		next.names, err = d.read(fd)
	}
	if err != nil {
		fd.Close()
		return err
	}
	d.levels = append(d.levels, next)
	return nil
}

// leave closes the last directory, whose entries have all been looked at, and gives what it was.
func (d *descent) leave() (level, error) {
	left := *d.last()
	left.close()
	d.levels = d.levels[:len(d.levels)-1]
	// While the last two are open, to go up never takes the permission to search a directory that could just be listed.
	if i := len(d.levels) - 2; i >= 0 && d.levels[i].dir < 0 {
		above := &d.levels[i]
		fd, err := d.open(d.last().dir, "..")
		if err != nil {
			return left, fault.From(err, d.at(left.name))
		}
		if now, err := sys.Fstat(fd); err != nil || !now.Same(&above.stat) {
			fd.Close()
			return left, fault.New(fault.Conflict, "%s has been moved meanwhile", d.at(""))
		}
		above.dir = fd
	}
	return left, nil
}

// next gives the next name of the last directory that is still there, and what stands there; "" when there is none left.
func (d *descent) next() (name string, there sys.Stat, err error) {
	here := d.last()
	for len(here.names) > 0 {
		name, here.names = here.names[0], here.names[1:]
		there, err = sys.Statat(here.dir, name)
		switch {
		case err == nil:
			return name, there, nil
		case err != syscall.ENOENT:
			return "", there, fault.From(err, d.at(name))
		}
	}
	return "", there, nil
}

func (d *descent) last() *level { return &d.levels[len(d.levels)-1] }

func (d *descent) close() {
	for i := range d.levels {
		d.levels[i].close()
	}
}

func (l *level) close() {
	if l.dir >= 0 {
		l.dir.Close()
		l.dir = -1
	}
}

func (d *descent) open(dir sys.FD, name string) (sys.FD, error) {
	const flags = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_NOFOLLOW
	fd, err := sys.Openat(dir, name, flags|d.flags, 0)
	if err == syscall.EPERM && d.flags != 0 { // O_NOATIME is for the owner
		fd, err = sys.Openat(dir, name, flags, 0)
	}
	return fd, err
}

// read gives the names in a directory, in their order.
func (d *descent) read(fd sys.FD) ([]string, error) {
	if d.buffer == nil {
		d.buffer = make([]byte, 32<<10)
	}
	var names []string
	for {
		n, err := syscall.ReadDirent(int(fd), d.buffer)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			slices.Sort(names)
			return names, nil
		}
		_, _, names = syscall.ParseDirent(d.buffer[:n], -1, names)
	}
}

// at is the path of an entry of the last directory, or of itself, for a message.
func (d *descent) at(name string) string {
	parts := make([]string, 0, len(d.levels)+1)
	parts = append(parts, d.path)
	for _, l := range d.levels[min(1, len(d.levels)):] {
		parts = append(parts, l.name)
	}
	if name != "" {
		parts = append(parts, name)
	}
	path := strings.Join(parts, "/")
	if len(path) > maxShown {
		path = path[:maxShown/2] + "…" + path[len(path)-maxShown/2:]
	}
	return path
}
