package systemd

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// File is a unit's file: the unit, whether it begins with the host, and where the file is.
type File struct{ Unit, State, Path string }

// Files are the unit files of some states, sorted by their names.
func (b *Bus) Files(ctx context.Context, states ...string) ([]File, error) {
	line, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	var found []struct{ Path, State string }
	// systemd reads all of them from the disk for that.
	ctx, cancel := context.WithTimeout(ctx, 6*patience)
	defer cancel()
	if err := answer(ctx, line.ask(ctx, managerPath, manager+".ListUnitFilesByPatterns", states, []string{}), "unit files", &found); err != nil {
		return nil, err
	}
	files := make([]File, len(found))
	for i, one := range found {
		files[i] = File{filepath.Base(one.Path), one.State, one.Path}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Unit, b.Unit) })
	return files, nil
}
