"""What users write and what we report: plain, immutable values without behaviour that reaches the world."""
