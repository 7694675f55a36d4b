"""The study of equal-info windows: every tokenization of the paper, and its analyses.

The paper is *Training LLMs over Neurally Compressed Text*, Lester et al., arXiv 2404.03626v3.
`catalogue` lists the methods by name; docs/reproduction.md reports the results. Most methods need
``pip install eqinfo[experiment]``.
"""

from eqinfo.experiment.method_shards import MethodEncoder, MethodShards, open_shards
from eqinfo.experiment.ngram import NgramModel
from eqinfo.experiment.tokenizations.base import Ids, Method, Piece, Tokenization
from eqinfo.experiment.tokenizations.catalogue import catalogue, methods

__all__ = [
    "Ids",
    "Method",
    "MethodEncoder",
    "MethodShards",
    "NgramModel",
    "Piece",
    "Tokenization",
    "catalogue",
    "methods",
    "open_shards",
]
