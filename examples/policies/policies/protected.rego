# What is protected is never removed, and changed only when a person has approved it. What has drifted is put back.
#
# data.json, with globs in which ** goes over slashes:
#
#   {"settings": {"protected": ["path:/etc/ssh/**", "unit:ssh.service", "package:linux-image-*"]}}
#
# What protected subjects lie in is as protected: whoever removes, purges or replaces /etc/ssh has all of it. A Directory
# that has nothing to say of what is in it is free.
package froyo.plan

deny contains {"msg": $"{change.subject} is protected, and would be removed", "address": change.address} if {
	some change in input.changes
	is_protected(change)
	gone(change)
}

require_approval contains {"msg": $"{change.subject} is protected", "address": change.address} if {
	some change in input.changes
	is_protected(change)
	not gone(change)
	not change.cause in {"drift", "refresh"}
}

# What is no text is denied in settings.rego.
patterns contains pattern if {
	some pattern in data.settings.protected
	is_string(pattern)
}

is_protected(change) if {
	some pattern in patterns
	matches(pattern, change.subject)
}

is_protected(change) if {
	some pattern in patterns
	startswith(pattern, $"{trim_suffix(change.subject, "/")}/")
	not leaves_alone(change)
}

leaves_alone(change) if {
	change.kind == "Directory"
	not gone(change)
	not change.spec.purge
	not change.spec.tree
	not change.spec.recursive
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
