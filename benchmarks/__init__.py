"""Side-by-side timings: `python -m benchmarks.NAME [--quick] [--json]`."""
