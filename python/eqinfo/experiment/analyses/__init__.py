"""What the paper measures of tokens, an analysis per module."""
