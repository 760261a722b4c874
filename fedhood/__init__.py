"""fedhood: a self-hostable federated neighbourhood server."""
