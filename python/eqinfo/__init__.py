"""Text to equal-info windows: exact entropy coding of a language model's predictions."""
