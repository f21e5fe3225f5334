"""Accuracy and calibration over seeds, with and without the Orthogonal-Spheres regularizer."""
