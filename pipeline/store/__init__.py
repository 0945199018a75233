"""The Zarr store: committed, immutable products and the index that names the current ones."""
