"""A cluster as it is seen from outside: what the statuses of its objects say, where no daemon is asked."""
