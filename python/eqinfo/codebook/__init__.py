"""Codebooks: window codes as tables of strings, with no model at run time.

`table` has the class `Codebook`. `from_model` makes tables from a model, `fit`, `phrases` and
`prune` make them from text (`documents`), `file` stores them, and `trie` has the arrays that all of
them share.
"""

from eqinfo.codebook.table import BUNDLED, Codebook, Ids, Parse

__all__ = ["BUNDLED", "Codebook", "Ids", "Parse"]
