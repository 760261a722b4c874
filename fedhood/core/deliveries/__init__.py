"""What became of what is sent to other servers, as it is told to people: never what was said in it."""

from fedhood.core.deliveries.model import (
    Cause,
    Fate,
    Letter,
    Matter,
    Place,
    Standing,
    Verdict,
    Which,
)
from fedhood.core.deliveries.service import Ledger

__all__ = [
    "Cause",
    "Fate",
    "Ledger",
    "Letter",
    "Matter",
    "Place",
    "Standing",
    "Verdict",
    "Which",
]
