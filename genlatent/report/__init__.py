"""The report of a run, or of several beside each other: one file that needs nothing else."""
