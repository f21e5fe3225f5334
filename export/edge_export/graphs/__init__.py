"""PyTorch -> ONNX, and the graph of each precision."""
