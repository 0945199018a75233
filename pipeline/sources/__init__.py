"""Dataset readers: one file per dataset, all passing the same contract tests."""
