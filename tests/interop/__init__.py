"""Other implementations, fetched and run on this machine, and what they and we think of each other's signatures.

`make interop-vectors` fetches Fedify into a folder that git does not see and compares. It is no part of `make check`:
it needs npm and its registry.
"""
