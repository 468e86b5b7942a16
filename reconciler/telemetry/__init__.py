"""What the program says about itself while it runs: log lines, without any secret in them."""
