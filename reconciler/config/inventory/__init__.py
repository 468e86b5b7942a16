"""Many targets from one Inventory: a list with ranges, an Ansible inventory, or ssh's configuration.

`ranges` counts names, `groups` is what an Ansible inventory says whatever it is written in, `ini` and `tree` read the
two forms of one, `ansible` knows what its variables mean, `ssh_config` reads ssh's configuration, and `fleet` makes
targets of all of them.
"""
