"""A namespace of a Kubernetes cluster as a source. Imported by who runs in a cluster, and by nobody else."""
