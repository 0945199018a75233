"""What is promised: frames, boxes, grids, taxonomies and every product's arrays. Imports nothing else of this package."""
