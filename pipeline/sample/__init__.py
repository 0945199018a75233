"""The built-in sample log: a simulated street in the layout of a real dataset, with its exact truth."""
