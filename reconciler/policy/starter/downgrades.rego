# No package gets an older version than it has, unless its manifest says that this is meant:
#
#   metadata: {annotations: {policy/downgrade: allowed}}
package froyo.plan

deny contains {"msg": $"{change.subject} would be downgraded from {differs.before} to {differs.after}", "address": change.address, "field": differs.field} if {
	some change in input.changes
	some differs in change.fields
	differs.downgrade == true
	object.get(change.metadata.annotations, "policy/downgrade", "") != "allowed"
}
