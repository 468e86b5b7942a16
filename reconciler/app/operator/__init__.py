"""What an operator does besides, whose source is a cluster: statuses, events, finalizers, admission, leases."""
