"""Text files that people write, YAML and JSON: to values, and to trees that know where everything stands."""
