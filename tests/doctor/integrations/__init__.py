"""The doctor in other people's training loops, each with the real library."""
