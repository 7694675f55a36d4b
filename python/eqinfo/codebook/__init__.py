"""Codebooks: window codes as tables of strings, with no model at run time.

`table` has the class `Codebook`. `from_model` makes tables from a model, `fit`, `phrases` and
`prune` make them from text (`documents`), `file` stores them, and `trie` has the arrays that all of
them share. `vectors` chooses how they encode.
"""

from eqinfo.codebook.table import BUNDLED, Codebook, Ids, Parse
from eqinfo.codebook.vectors import set_vector_walk, walks_in_vectors

__all__ = ["BUNDLED", "Codebook", "Ids", "Parse", "set_vector_walk", "walks_in_vectors"]
