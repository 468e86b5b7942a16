package walk

import "froyo.dev/runner/internal/sys"

// maxOpen bounds the descriptors of a Cache: batches may name paths in any number of directories.
const maxOpen = 128

// Cache keeps the directories of one batch open, so that a thousand files of one directory cost one walk. It must
// not outlive the batch: within one, a directory that is moved away is the same race as with one path alone.
// It is for one goroutine.
type Cache struct {
	dirs map[string]cached
}

type cached struct {
	fd  sys.FD
	err error
}

// Parent is like the function, but the descriptor stays the cache's, and is valid until the next call.
func (c *Cache) Parent(path string) (sys.FD, string, error) {
	if err := Check(path); err != nil {
		return -1, "", err
	}
	dir, name := Split(path)
	known, ok := c.dirs[dir]
	if !ok {
		if len(c.dirs) >= maxOpen {
			c.Close()
		}
		if c.dirs == nil {
			c.dirs = map[string]cached{}
		}
		known.fd, known.err = Directory(dir)
		c.dirs[dir] = known
	}
	return known.fd, name, known.err
}

// Close closes all directories. The cache can be used again.
func (c *Cache) Close() {
	for _, known := range c.dirs {
		if known.err == nil {
			known.fd.Close()
		}
	}
	clear(c.dirs)
}
