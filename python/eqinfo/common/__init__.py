"""What several stages share: texts, tokens, batches, files."""
