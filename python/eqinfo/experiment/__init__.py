"""The paper's study: every way it makes tokens behind one interface, and its analyses.

*Training LLMs over Neurally Compressed Text*, Lester et al., arXiv 2404.03626v3. `catalogue` names
the ways; docs/reproduction.md says what came of them. Most need ``pip install
eqinfo[experiment]``.
"""

from eqinfo.experiment.ngram import NgramModel
from eqinfo.experiment.tokenizations.base import Ids, Method, Piece, Tokenization
from eqinfo.experiment.tokenizations.catalogue import catalogue, methods

__all__ = ["Ids", "Method", "NgramModel", "Piece", "Tokenization", "catalogue", "methods"]
