"""Care: a change of a source reaches its targets wave by wave."""
