package packages

import (
	"context"
	"slices"
	"strings"

	"froyo.dev/runner/internal/command"
	"froyo.dev/runner/internal/wire"
)

// list is what somebody asked for: neither what came along with that, nor what every system has.
func (f *found) list(_ context.Context, call *command.Call) (wire.Array, error) {
	_, known, missing := f.installed()
	results := make(wire.Array, len(call.Items))
	for i := range call.Items {
		if missing != nil {
			results[i] = command.Failed(missing, "pkg.list")
			continue
		}
		var asked []*installed
		for _, same := range known.packages {
			for _, one := range same {
				if one.state == "installed" && !one.automatic && !one.base {
					asked = append(asked, one)
				}
			}
		}
		slices.SortFunc(asked, func(a, b *installed) int {
			return strings.Compare(a.name+":"+a.arch, b.name+":"+b.arch)
		})
		list := make(wire.Array, len(asked))
		for j, one := range asked {
			name := one.name
			if one.arch != known.native && !portable[one.arch] {
				name += ":" + one.arch
			}
			list[j] = wire.Object{wire.F("name", name), wire.F("version", one.version), wire.F("hold", one.want == "hold")}
		}
		results[i] = command.OK(wire.Object{wire.F("packages", list)})
	}
	return results, nil
}
