"""Fine-tuning one member, and fitting the vote."""
