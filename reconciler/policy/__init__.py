"""Policies: what may be put in force, and what may be done, as rules in Rego say it. Evaluated as WebAssembly."""
