"""Sources of desired state: each watches something, and yields immutable snapshots of it.

A watcher knows the model and the runtime, and nothing of what becomes of its snapshots.
"""
