"""Looking into a network: what its activations do while it runs."""
