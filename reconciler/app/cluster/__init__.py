"""A cluster as it is seen from outside: what its objects say, and how a directory becomes objects and back."""
