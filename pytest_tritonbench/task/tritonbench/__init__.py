"""Tasks that come from a TritonBench checkout."""
