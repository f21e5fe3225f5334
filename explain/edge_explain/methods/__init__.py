"""Grad-CAM, SHAP, and what they need."""
