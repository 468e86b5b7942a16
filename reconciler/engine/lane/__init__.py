"""What is held in memory about one target: how it should be, and what is known of how it is."""
