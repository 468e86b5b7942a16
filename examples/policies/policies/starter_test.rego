package starter_test

import data.froyo.admission
import data.froyo.plan

change(more) := object.union(
	{
		"address": "web-1/File/motd",
		"kind": "File",
		"subject": "path:/etc/motd",
		"action": "update",
		"cause": "spec",
		"fields": [],
		"spec": {"mode": "0644"},
		"metadata": {"annotations": {}},
		"removal": false,
	},
	more,
)

asked(changes) := {
	"target": {"name": "web-1", "labels": {"role": "db"}},
	"changes": changes,
	"at_work": [],
	"time": {"ns": 0},
}

at(text) := object.union(asked([change({})]), {"time": {"ns": time.parse_rfc3339_ns(text)}})

# --- Modes

test_what_everybody_may_write_is_denied if {
	every mode in ["0666", "777", "0642", "0773"] {
		count(plan.deny) == 1 with input as asked([change({"spec": {"mode": mode}})]) with data.settings as {}
	}
}

test_what_only_some_may_write_is_not if {
	every mode in ["0644", "755", "1777", "0664"] {
		count(plan.deny) == 0 with input as asked([change({"spec": {"mode": mode}})]) with data.settings as {}
	}
}

test_what_has_no_mode_is_not if {
	count(plan.deny) == 0 with input as asked([change({"spec": {}})]) with data.settings as {}
}

test_an_object_is_denied_at_its_field if {
	object := {"ref": "File/motd", "spec": {"mode": "0666"}}
	admission.deny == {{
		"msg": "mode 0666 lets everybody write to it",
		"ref": "File/motd",
		"field": "spec.mode",
	}} with input as {"objects": [object]}
}

# --- Downgrades

older := {"field": "version", "before": "2.0-1", "after": "1.9-1", "downgrade": true}

test_a_downgrade_is_denied if {
	count(plan.deny) == 1 with input as asked([change({"fields": [older]})]) with data.settings as {}
}

test_an_upgrade_is_not if {
	newer := object.union(older, {"downgrade": false})
	count(plan.deny) == 0 with input as asked([change({"fields": [newer]})]) with data.settings as {}
}

test_a_downgrade_that_is_meant_is_not if {
	meant := {"annotations": {"policy/downgrade": "allowed"}}
	count(plan.deny) == 0 with input as asked([change({"fields": [older], "metadata": meant})]) with data.settings as {}
}

# --- Windows

night := [{"labels": {"role": "db"}, "days": ["Saturday"], "from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}]

test_within_a_window_a_change_is_made if {
	# Saturday evening, and the night to Sunday, in winter and in summer.
	every now in ["2025-01-11T21:00:00Z", "2025-01-12T02:59:59Z", "2025-07-12T20:00:00Z", "2025-07-13T01:59:59Z"] {
		count(plan.deny) == 0 with input as at(now) with data.settings as {"windows": night}
	}
}

test_outside_of_it_none_is if {
	every now in ["2025-01-11T20:59:59Z", "2025-01-12T03:00:00Z", "2025-07-12T19:59:59Z", "2025-07-13T02:00:00Z", "2025-07-13T20:30:00Z"] {
		count(plan.deny) == 1 with input as at(now) with data.settings as {"windows": night}
	}
}

test_what_has_drifted_is_put_back_at_any_time if {
	drifted := object.union(at("2025-01-15T12:00:00Z"), {"changes": [change({"cause": "drift"})]})
	count(plan.deny) == 0 with input as drifted with data.settings as {"windows": night}
}

test_targets_without_a_window_are_changed_at_any_time if {
	others := [object.union(night[0], {"labels": {"role": "web"}})]
	count(plan.deny) == 0 with input as at("2025-01-15T12:00:00Z") with data.settings as {"windows": others}
}

early := [{"labels": {}, "from": "02:00", "to": "03:00", "timezone": "Europe/Berlin"}]

test_where_clocks_are_put_forward_over_a_window_it_does_not_open if {
	every now in ["2025-03-30T00:59:59Z", "2025-03-30T01:00:00Z"] {
		count(plan.deny) == 1 with input as at(now) with data.settings as {"windows": early}
	}
	count(plan.deny) == 0 with input as at("2025-03-29T01:00:00Z") with data.settings as {"windows": early}
}

test_where_they_are_put_back_it_opens_twice if {
	every now in ["2025-10-26T00:00:00Z", "2025-10-26T01:30:00Z"] {
		count(plan.deny) == 0 with input as at(now) with data.settings as {"windows": early}
	}
}

test_a_window_that_is_not_understood_denies_everything if {
	every wrong in [{"from": "2:00"}, {"to": "25:00"}, {"days": ["Caturday"]}, {"timezone": 5}, {"labels": "db"}, {"day": ["Monday"]}] {
		denied := plan.deny with input as at("2025-01-15T12:00:00Z") with data.settings as {"windows": [object.union(early[0], wrong)]}
		some message in denied
		is_string(message)
	}
}

# --- At once

two := [{"labels": {"role": "db"}, "most": 2}]

at_work(names) := object.union(
	asked([change({})]),
	{"at_work": [{"name": name, "labels": {"role": "db"}} | some name in names]},
)

test_so_many_may_be_changed_at_once if {
	count(plan.deny) == 0 with input as at_work(["db-2"]) with data.settings as {"at_once": two}
}

test_and_no_more if {
	count(plan.deny) == 1 with input as at_work(["db-2", "db-3"]) with data.settings as {"at_once": two}
}

test_others_do_not_count if {
	other := object.union(at_work([]), {"at_work": [{"name": "x", "labels": {}}, {"name": "y", "labels": {"role": "web"}}]})
	count(plan.deny) == 0 with input as other with data.settings as {"at_once": two}
}

test_a_rule_that_is_not_understood_denies_everything if {
	count(plan.deny) == 1 with input as at_work([]) with data.settings as {"at_once": [{"labels": {"role": "db"}, "most": "two"}]}
	count(plan.deny) == 1 with input as at_work([]) with data.settings as {"at_once": [{"label": {"role": "db"}, "labels": {}, "most": 2}]}
}

# --- Protected

kept := ["path:/etc/ssh/**", "package:linux-image-*"]

test_what_is_protected_is_not_removed if {
	gone := change({"subject": "path:/etc/ssh/sshd_config.d/x", "action": "delete", "removal": true})
	count(plan.deny) == 1 with input as asked([gone]) with data.settings as {"protected": kept}
}

test_and_changed_only_when_that_was_approved if {
	changed := change({"subject": "package:linux-image-amd64"})
	count(plan.require_approval) == 1 with input as asked([changed]) with data.settings as {"protected": kept}
	count(plan.deny) == 0 with input as asked([changed]) with data.settings as {"protected": kept}
}

test_and_is_put_back if {
	drifted := change({"subject": "path:/etc/ssh/sshd_config", "cause": "drift"})
	count(plan.require_approval) == 0 with input as asked([drifted]) with data.settings as {"protected": kept}
}

test_and_so_is_what_it_lies_in if {
	purged := change({"subject": "path:/etc/ssh", "kind": "Directory", "spec": {"purge": true}})
	gone := change({"subject": "path:/etc", "kind": "Directory", "action": "delete", "removal": true})
	count(plan.require_approval) == 1 with input as asked([purged]) with data.settings as {"protected": kept}
	count(plan.deny) == 1 with input as asked([gone]) with data.settings as {"protected": kept}
}

test_a_directory_that_leaves_alone_what_is_in_it_is_free if {
	moded := change({"subject": "path:/etc/ssh", "kind": "Directory", "spec": {"mode": "0755", "purge": false}})
	count(plan.require_approval) == 0 with input as asked([moded]) with data.settings as {"protected": kept}
}

test_what_is_not_is_free if {
	count(plan.require_approval) == 0 with input as asked([change({})]) with data.settings as {"protected": kept}
}

# --- Settings

test_settings_that_no_rule_goes_by_deny_everything if {
	every wrong in [{"window": early}, {"windows": early[0]}, {"protected": "path:/etc/ssh/**"}, {"protected": [["unit:ssh.service"]]}] {
		denied := plan.deny with input as at("2025-01-15T23:00:00Z") with data.settings as wrong
		some message in denied
		is_string(message)
	}
}
