"""The second model (M2), trained on tokens."""
