"""Every tokenization that the study compares; `base` has their common interface."""
