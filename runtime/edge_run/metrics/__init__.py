"""How well labelled answers fit the truth: figures, their intervals, and bounds on shares."""
