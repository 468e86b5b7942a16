# At most so many targets of a label are changed at the same time. What has drifted is put back at any time.
#
# data.json:
#
#   {"settings": {"at_once": [{"labels": {"role": "db"}, "most": 1}]}}
package froyo.plan

deny contains {"msg": $"{count(others)} others of {rule.labels} are being changed, and {rule.most} may be at once", "address": change.address} if {
	some rule in data.settings.at_once
	has_labels(input.target, rule.labels)
	others := {other.name | some other in input.at_work; has_labels(other, rule.labels)}
	count(others) >= rule.most
	some change in input.changes
	change.cause != "drift"
}

# A rule that cannot be understood must not let everything pass.
deny contains $"data.settings.at_once: {rule} is not understood" if {
	some rule in data.settings.at_once
	not is_rule(rule)
}

is_rule(rule) if {
	is_object(rule.labels)
	is_number(rule.most)
	rule.most >= 1
	count(object.keys(rule) - {"labels", "most"}) == 0
}

has_labels(target, labels) if {
	every key, value in labels {
		target.labels[key] == value
	}
}
