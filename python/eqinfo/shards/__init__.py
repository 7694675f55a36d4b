"""Training shards: many files of text to flat files of tokens, and back.

`tokenize` is what ``eqinfo tokenize`` does, `open` reads its result. ``docs/shards.md`` explains
both, ``docs/format.md`` says what the files are.
"""

from eqinfo.shards.dataset import TokenShards, open
from eqinfo.shards.job import tokenize
from eqinfo.shards.parameters import Parameters

__all__ = ["Parameters", "TokenShards", "open", "tokenize"]
