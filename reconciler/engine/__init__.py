"""The loop: read what is, plan the difference, apply it, and go round again."""
