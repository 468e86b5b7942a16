# The same for what is declared, before anything is planned: the error points at the line.
package froyo.admission

deny contains {"msg": $"mode {object.spec.mode} lets everybody write to it", "ref": object.ref, "field": "spec.mode"} if {
	some object in input.objects
	data.froyo.modes.open_to_everybody(object.spec.mode)
}
