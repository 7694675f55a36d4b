"""Shared by several stages: texts, tokens, batches, files, progress."""
