package packages

import (
	"os/exec"
	"testing"
)

// pairs are versions of which the first is the older one, or the same.
var pairs = [][2]string{
	{"1.0", "2.0"}, {"1.0", "1.0-1"}, {"1.0-0", "1.0"}, {"1.0", "1.0-0"}, {"0:1.0", "1.0"}, {"1.0", "1:0.1"}, {"1.0~rc1", "1.0"}, {"1.0~~", "1.0~"},
	{"1.0~", "1.0"}, {"1.0", "1.0+b1"}, {"1.0a", "1.0+"}, {"1.0a", "1.0b"}, {"1.0Z", "1.0a"}, {"1.2", "1.10"}, {"1.02", "1.2"}, {"1.2", "1.02"},
	{"1.6-2.1", "1.6-2.1+deb12u3"}, {"2.36-9+deb12u9", "2.36-9+deb12u14"}, {"1.0-1", "1.0-1.1"}, {"1-1-1", "1-1-2"}, {"1.0.0", "1.0.00"},
	{"99999999999999999998", "99999999999999999999"}, {"1.0-1~bpo12+1", "1.0-1"}, {"1.0.", "1.0.1"}, {"1.0", "1.0.0"}, {"2.4.71-1~deb12u1", "2.4.71-1"},
	{"1:1.0", "02:0.1"}, {"1.0-a", "1.0-a0"}, {"3.03+dfsg2-8", "3.03+dfsg10-1"},
}

func TestVersionsAreOrderedAsDpkgOrdersThem(t *testing.T) {
	_, err := exec.LookPath("dpkg")
	for _, pair := range pairs {
		for _, one := range [][2]string{pair, {pair[1], pair[0]}} {
			order := Compare(one[0], one[1])
			if one == pair && order > 0 || one != pair && order < 0 {
				t.Errorf("%s is newer than %s", pair[0], pair[1])
			}
			if err != nil {
				continue
			}
			for word, holds := range map[string]bool{"lt": order < 0, "eq": order == 0, "gt": order > 0} {
				if said := exec.Command("dpkg", "--compare-versions", one[0], word, one[1]).Run() == nil; said != holds {
					t.Errorf("dpkg says of %s %s %s: %t", one[0], word, one[1], said)
				}
			}
		}
	}
}

func TestARangeIsAVersionOrBounds(t *testing.T) {
	for text, cases := range map[string]map[string]bool{
		"":                {"1": true, "0~": true},
		"2.0":             {"2.0": true, "2.0-0": true, "2.0-1": false, "1.9": false},
		"= 2.0":           {"2.0": true, "2.1": false},
		">=1.2,<2":        {"1.2": true, "1.2-1": true, "1.99": true, "2": false, "2~rc1": true, "1.1": false},
		">1, <=3":         {"1": false, "1.0.1": true, "3": true, "3.1": false},
		">>1.0,<<1.5~":    {"1.0": false, "1.2": true, "1.5~": false, "1.5~~": true, "1.5": false},
		"2.1*":            {"2.1": true, "2.1.0-1": true, "2.10": true, "2.2": false, "1:2.1": false},
		"2.*,<2.5":        {"2.1": true, "2.5": false},
		">=1:2.0":         {"2.5": false, "1:2.0": true},
		">=1.6-2.1,<<1.7": {"1.6-2.1+deb12u3": true, "1.6-2": false},
	} {
		wanted, err := ParseRange(text, Compare)
		if err != nil {
			t.Fatal(err)
		}
		for version, fits := range cases {
			if wanted.Has(version) != fits {
				t.Errorf("%s in %q: %t", version, text, !fits)
			}
		}
	}
	for _, text := range []string{"1 2", ">=", "1.0;2", "~>1", ">=1,,<2", "latest!", "*", ">=1.*"} {
		if _, err := ParseRange(text, Compare); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
