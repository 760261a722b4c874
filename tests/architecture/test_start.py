"""What a server must not load before it is needed: it costs a small machine memory and a slow card seconds."""

import subprocess
import sys

HEAVY = (
    "jsonschema",
    "referencing",
    "rpds",
    "fedhood.kernel.schemas",
    "fedhood.kernel.postgres",
    "fedhood.simulator",
)


def test_a_server_starts_without_what_it_does_not_need_yet():
    code = "import sys, fedhood.app; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in HEAVY if name in loaded] == []
