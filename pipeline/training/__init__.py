"""Trains a network on a store: the loop behind ``occ-pipeline train``."""
