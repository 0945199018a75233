"""Compiled numeric kernels on plain arrays."""
