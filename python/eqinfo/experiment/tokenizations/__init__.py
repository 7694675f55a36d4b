"""Every tokenization that the study compares, behind one interface (`base`)."""
