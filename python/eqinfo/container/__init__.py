"""The container of compressed files (.eqi), defined in docs/format.md.

`api` has the public functions, and `push` the public classes for data in pieces. Writing uses
`settings`, `writer` and `writable`; reading uses `reader` from beginning to end, `push_reader` for
what has come so far, and `index` and `readable` for random access. `header`, `block` and `trailer`
are the parts of a file. `block_codecs` code the data of a block, and `adapters`
make the container a compression of other libraries.
"""
