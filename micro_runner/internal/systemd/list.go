package systemd

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// File is a unit's file, and what it says of how the unit begins.
type File struct{ Unit, State string }

// Files are all unit files, sorted by their names.
func (b *Bus) Files(ctx context.Context) ([]File, error) {
	line, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	var found []struct{ Path, State string }
	if err := line.call(ctx, managerPath, "unit.list", manager+".ListUnitFiles", []any{&found}); err != nil {
		return nil, err
	}
	files := make([]File, len(found))
	for i, one := range found {
		files[i] = File{filepath.Base(one.Path), one.State}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Unit, b.Unit) })
	return files, nil
}
