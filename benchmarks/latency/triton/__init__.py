"""NVIDIA Triton, started from PyPI's nvidia-pytriton: for the tests of repositories, and to compare ways of serving."""
