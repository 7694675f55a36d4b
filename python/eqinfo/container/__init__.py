"""The container of compressed files (.eqi); docs/format.md is its definition.

``api.py`` is the public face. Writing: `settings`, `writer`, `written`; reading: `reader` from the
beginning to the end, `index` and `raw` at any place. `header`, `block` and `trailer` are the parts
of a file, `block_codecs` what stands in a block.
"""
