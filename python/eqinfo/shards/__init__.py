"""Training shards: many text files as flat files of tokens, and back.

`tokenize` does the work of ``eqinfo tokenize``; `open` reads its result. ``docs/shards.md``
explains both, and ``docs/format.md`` defines the files.
"""

from eqinfo.common.renamed import renamed
from eqinfo.shards.dataset import TokenShards
from eqinfo.shards.job import tokenize
from eqinfo.shards.joined import JoinedShards
from eqinfo.shards.opening import open
from eqinfo.shards.parameters import ShardParameters

__all__ = ["JoinedShards", "ShardParameters", "TokenShards", "open", "tokenize"]

__getattr__ = renamed(__name__, {"Parameters": "ShardParameters"})
