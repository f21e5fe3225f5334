"""The four networks, their starting weights, and their logits."""
