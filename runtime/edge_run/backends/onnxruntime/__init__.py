"""ONNX Runtime, by execution provider."""
