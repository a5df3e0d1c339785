"""Text as numbers, and the small standard models that read it: for the tasks on sentiment and translation."""
