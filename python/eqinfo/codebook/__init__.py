"""Window codes as tables of strings: no model at run time.

`table` has the class, `from_model` makes tables from a model, `fit` and `prune` from text, and
`file` stores them.
"""

from eqinfo.codebook.table import BUNDLED, Codebook, Ids, Parse

__all__ = ["BUNDLED", "Codebook", "Ids", "Parse"]
