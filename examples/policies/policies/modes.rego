# Nothing that everybody may write to, but for directories in which nobody can remove what is another's.
package froyo.plan

deny contains {"msg": $"{change.subject} would be writable for everybody: mode {change.spec.mode}", "address": change.address, "field": "mode"} if {
	some change in input.changes
	change.action in {"create", "update"}
	data.froyo.modes.open_to_everybody(change.spec.mode)
}
