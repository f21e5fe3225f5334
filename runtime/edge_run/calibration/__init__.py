"""What is fitted on labelled answers, without PyTorch: temperatures, voting weights, the operating point."""
