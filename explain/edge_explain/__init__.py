"""The PyTorch originals explain a case. Needs the extra ``explain``; its commands come with a later version."""
