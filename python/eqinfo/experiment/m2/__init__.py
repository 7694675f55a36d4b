"""The second model (M2), which is trained on tokens."""
