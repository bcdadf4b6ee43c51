"""Benchmarks: what the issues promise, measured against gcpsim on this machine."""
