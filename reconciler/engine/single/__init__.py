"""A single run over all targets, without a loop: what `froyo plan` and `froyo apply` do."""
