# What is protected is never removed, and changed only when a person has approved it. What has drifted is put back.
#
# data.json, with globs in which ** goes over slashes:
#
#   {"settings": {"protected": ["path:/etc/ssh/**", "unit:ssh.service", "package:linux-image-*"]}}
package froyo.plan

deny contains {"msg": $"{change.subject} is protected, and would be removed", "address": change.address} if {
	some change in input.changes
	is_protected(change.subject)
	gone(change)
}

require_approval contains {"msg": $"{change.subject} is protected", "address": change.address} if {
	some change in input.changes
	is_protected(change.subject)
	not gone(change)
	not change.cause in {"drift", "refresh"}
}

is_protected(subject) if {
	some pattern in data.settings.protected
	matches(pattern, subject)
}

matches(pattern, subject) if pattern == subject

matches(pattern, subject) if {
	endswith(pattern, "/**")
	startswith(subject, trim_suffix(pattern, "**"))
}

# A glob takes a hundred times as long as the others, and so it is only asked where it may be meant.
matches(pattern, subject) if {
	contains(pattern, "*")
	not endswith(pattern, "/**")
	startswith(subject, split(pattern, "*")[0])
	glob.match(pattern, ["/"], subject)
}

gone(change) if change.action == "delete"

gone(change) if change.removal
