"""Recipes and job files, shipped as data."""
