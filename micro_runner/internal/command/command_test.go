package command

import (
	"strings"
	"testing"

	"froyo.dev/runner/internal/wire"
)

func TestTheSubjectsOfACommandAreThoseThatItsItemsName(t *testing.T) {
	items := []wire.Object{{wire.F("path", "/a")}, {}, {wire.F("path", 7)}, {wire.F("path", "/b"), wire.F("backup", "~")}}
	named := Command{Names: []Names{{Argument: "path", Scheme: "path", Suffix: "backup"}}}
	if got := strings.Join(named.Subjects(items), " "); got != "path:/a path:/b path:/b~" {
		t.Error(got)
	}
	if got := (&Command{}).Subjects(items); got != nil {
		t.Error(got)
	}
}
