"""The demo of `make demo`: the main job on real files, in a directory of its own."""
