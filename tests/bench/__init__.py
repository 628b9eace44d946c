"""Benchmarks. They report and assert nothing about time; docs/benchmarks.md holds what they last said."""
