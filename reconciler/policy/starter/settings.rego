# What stands in data.settings is gone by: a name that no rule knows is a slip, and what was to be forbidden would pass.
# Whoever writes rules that go by more adds their names here, and whoever takes one of the set out takes its name away.
package froyo.plan

deny contains $"data.settings.{name}: there is no rule that goes by it" if {
	some name, _ in data.settings
	not name in {"at_once", "protected", "windows"}
}

deny contains $"data.settings.{name} has to be a list" if {
	some name, value in data.settings
	name in {"at_once", "protected", "windows"}
	not is_array(value)
}

deny contains $"data.settings.protected: {pattern} is no text" if {
	some pattern in data.settings.protected
	not is_string(pattern)
}
