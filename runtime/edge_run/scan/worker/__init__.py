"""Decoding in a process of its own, with bounds on its time and memory.

Decoders are C and C++ that can end their process on a file that is damaged in the right way, run for a minute on one
that is made to, and write to stderr as they please, libjpeg's warnings included, which are the only sign that part of
a picture is lost. A child process bounds all three, and what it writes is read.
"""
