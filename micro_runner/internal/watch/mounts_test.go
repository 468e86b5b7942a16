package watch

import (
	"slices"
	"testing"
)

func TestWhatIsMountedElsewhereIsTold(t *testing.T) {
	const root = "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
	const x = "40 20 0:40 / /srv/my\\040x rw,nosuid shared:9 - tmpfs tmpfs rw,size=8192k\n"
	p := points{"/srv/my x": "", "/srv/y": ""}
	for i, one := range []struct {
		table string
		told  []string
	}{
		{root, nil},
		{root + x, []string{"/srv/my x"}},
		{root + x, nil},
		{root + "41 20 0:40 / /srv/my\\040x rw,nosuid shared:10 - tmpfs tmpfs rw,size=8192k\n", nil},
		{root + "41 20 0:40 / /srv/my\\040x ro,nosuid - tmpfs tmpfs rw,size=8192k\nbroken line", []string{"/srv/my x"}},
		{root + x + x, []string{"/srv/my x"}},
		{"", []string{"/srv/my x"}},
		{root + "50 20 0:9 / /srv/y rw - proc proc rw\n", []string{"/srv/y"}},
	} {
		if told := p.lookAt(one.table); !slices.Equal(told, one.told) {
			t.Errorf("%d: %v, want %v", i, told, one.told)
		}
	}
	if got := unescaped(`a\040b\c\9`); got != `a b\c\9` {
		t.Error(got)
	}
}
