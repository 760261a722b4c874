"""The room of recorded federation documents and their published test keys."""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fedhood.adapters.activitypub import keys, multibase
from fedhood.adapters.http import strict_json

FOLDER = Path(__file__).parents[2] / "golden" / "federation"
_TEST_KEYS: dict[str, dict[str, str]] = json.loads((FOLDER / "91-test-keys.json").read_bytes())["keys"]
PUBLIC_KEYS: dict[str, Ed25519PublicKey] = {
    entry["ed25519_key_id"]: keys.load_multikey(entry["ed25519_public_multibase"]) for entry in _TEST_KEYS.values()
}


def document(number: str) -> dict[str, Any]:
    """The recorded document whose file name begins with this number."""
    (path,) = FOLDER.glob(f"{number}-*.json")
    return strict_json.loads_object(path.read_bytes())


def names() -> list[str]:
    """The numbers of all recorded documents, vectors and keys left out."""
    return sorted(number for path in FOLDER.glob("*.json") if (number := path.name.partition("-")[0])[0] != "9")


def test_key_names() -> list[str]:
    """What the test keys are called."""
    return list(_TEST_KEYS)


def test_key(name: str) -> dict[str, str]:
    """What is published about one test key."""
    return _TEST_KEYS[name]


def ed25519(name: str) -> Ed25519PrivateKey:
    """The Ed25519 secret of one test actor."""
    return Ed25519PrivateKey.from_private_bytes(
        multibase.decode_ed25519_secret(_TEST_KEYS[name]["ed25519_secret_multibase"])
    )


def rsa(name: str) -> RSAPrivateKey:
    """The RSA secret of one test actor, where it was published."""
    key = load_pem_private_key(_TEST_KEYS[name]["rsa_private_pem"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key
