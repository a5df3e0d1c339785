"""Features and networks of the tasks on speech."""
