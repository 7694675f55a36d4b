"""Codebooks: window codes as tables of strings, with no model at run time.

`table` has the class `Codebook`. `from_model` makes tables from a model, `fit` and `prune` make
them from text, and `file` stores them.
"""

from eqinfo.codebook.table import BUNDLED, Codebook, Ids, Parse

__all__ = ["BUNDLED", "Codebook", "Ids", "Parse"]
