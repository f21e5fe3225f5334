"""The methods: Grad-CAM, GradientShap, Shapley values of regions, and what they need."""
