"""A controller among others that share a store (`docs/adr/0063`): its part of the targets, and what another decides."""
