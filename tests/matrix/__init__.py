"""The leak matrix: every thing that somebody said, every viewer, every way to ask, on servers with real sockets.

`python -m tests.matrix` builds a small world (scene), asks every route of the real route tables as every viewer (walk,
deeds), and compares what came back with tables written by hand (expected). It knows nothing of the product's rule.
"""
