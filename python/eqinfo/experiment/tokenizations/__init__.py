"""Every way of making tokens that the study compares, behind one interface (`base`)."""
