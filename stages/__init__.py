"""What is computed: one module per stage, arrays in, arrays out. Knows nothing of Dask, Zarr, files or datasets."""
