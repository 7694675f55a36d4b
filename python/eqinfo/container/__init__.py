"""The container of compressed files (.eqi), defined in docs/format.md.

`api` has the public functions. Writing uses `settings`, `writer` and `writable`; reading uses
`reader` from beginning to end, and `index` and `readable` for random access. `header`, `block` and
`trailer` are the parts of a file. `block_codecs` code the data of a block.
"""
