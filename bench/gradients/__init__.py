"""What is measured of gradients, and what is computed from it."""
