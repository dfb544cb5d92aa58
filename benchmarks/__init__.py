"""Measurements: each script prints ratios between ways to do the same thing, from one run."""
