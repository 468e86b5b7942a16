"""From what sources yield to what is in force."""
