"""What runs stages: command line, plan, execution, store, dataset readers."""
