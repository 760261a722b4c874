"""Thanks."""

from fedhood.core.interactions.model import Thanked, ThanksArrived, ThanksTakenBack
from fedhood.core.interactions.service import forget, mirror_take_back, mirror_thanks, take_back, thank, thanked_by

__all__ = [
    "Thanked",
    "ThanksArrived",
    "ThanksTakenBack",
    "forget",
    "mirror_take_back",
    "mirror_thanks",
    "take_back",
    "thank",
    "thanked_by",
]
