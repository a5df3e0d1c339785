"""Tests of `leaky.doctor`."""
