"""A pytest plugin in which GPU kernels are test cases."""
