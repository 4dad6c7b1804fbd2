"""The parts of `benchmarks/editor_latency.py`: a large project, the servers, the pages in Chromium, simulated labellers."""
