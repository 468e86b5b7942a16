"""What the controller asks of the outside by itself: the calls of providers that reach no target's runner."""
