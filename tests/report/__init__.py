"""Tests of `leaky.report`."""
