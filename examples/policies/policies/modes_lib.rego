# What modes mean.
package froyo.modes

# Whether everybody may write: the last digit has the 2 in it, and there is no sticky bit before the three digits.
open_to_everybody(mode) if {
	count(mode) in {3, 4}
	substring(mode, count(mode) - 1, 1) in {"2", "3", "6", "7"}
	not sticky(mode)
}

sticky(mode) if {
	count(mode) == 4
	substring(mode, 0, 1) in {"1", "3", "5", "7"}
}
