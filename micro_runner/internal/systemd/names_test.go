package systemd

import "testing"

func TestTheObjectOfAUnitIsFoundAndItsNameAgain(t *testing.T) {
	for unit, path := range map[string]string{
		"nginx.service":         "/org/freedesktop/systemd1/unit/nginx_2eservice",
		"2x.timer":              "/org/freedesktop/systemd1/unit/_32x_2etimer",
		"dev-disk\\x2dby.mount": "/org/freedesktop/systemd1/unit/dev_2ddisk_5cx2dby_2emount",
		"getty@tty1.service":    "/org/freedesktop/systemd1/unit/getty_40tty1_2eservice",
		"a_b.socket":            "/org/freedesktop/systemd1/unit/a_5fb_2esocket",
	} {
		if got := string(pathOf(unit)); got != path {
			t.Errorf("%s: %s", unit, got)
		}
		if got := unitOf(pathOf(unit)); got != unit {
			t.Errorf("%s: %s", unit, got)
		}
	}
	if unitOf("/org/freedesktop/systemd1/job/7") != "" {
		t.Error("a job is taken for a unit")
	}
}

func TestOnlyFullNamesOfUnitsAreTaken(t *testing.T) {
	for _, unit := range []string{"nginx.service", "foo@.service", "foo@bar.timer", "x.slice"} {
		if !Check(unit) {
			t.Error(unit)
		}
	}
	for _, unit := range []string{"", "nginx", ".service", "a b.service", "a/b.service", "x.conf", "x."} {
		if Check(unit) {
			t.Error(unit)
		}
	}
}

func TestAUnitThatFailsAgainAndAgainIsLeftAloneForLongerEachTime(t *testing.T) {
	b := newBus(nil, nil, "", nil)
	failed := Unit{Active: "failed", Result: "exit-code"}
	if b.attempt("a", Unit{Active: "inactive"}, false) != 0 {
		t.Fatal("the first start waits")
	}
	if wait := b.attempt("a", failed, false); wait <= 0 || wait > firstPause {
		t.Fatal(wait)
	}
	if b.attempt("a", Unit{Active: "failed", Result: "signal"}, false) != 0 || b.attempt("b", failed, false) != 0 {
		t.Fatal("somebody ended it, or it is another one")
	}
	last := b.attempts["a"]
	last.at = last.at.Add(-firstPause)
	b.attempts["a"] = last
	if b.attempt("a", failed, false) != 0 || b.attempts["a"].pause != 2*firstPause {
		t.Fatal(b.attempts["a"])
	}
	b.reconsider()
	if b.attempt("a", failed, false) != 0 || b.attempts["a"].pause != 4*firstPause {
		t.Fatal("something else was changed: it may go by now")
	}
	if b.attempt("a", failed, false) <= 0 {
		t.Fatal("nothing was changed since")
	}
	b.forgive("a")
	if b.attempt("a", failed, false) != 0 {
		t.Fatal("it was forgiven")
	}
}
