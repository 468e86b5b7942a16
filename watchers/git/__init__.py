"""A git repository as a source: the revision that a name stands for, read from git's own objects.

There is no work tree: nothing of a repository is ever written under a name that it has chosen, and nothing in it is
run.
"""
