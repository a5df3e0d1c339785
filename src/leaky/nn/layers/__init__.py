"""Activations that keep less for backward than torch's: autograd around the kernels, one file per family.

`leaky.nn.functional` is their public door.
"""
