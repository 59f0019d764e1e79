"""What the tests of journal records share."""

from __future__ import annotations

HEADER = {"model": "m", "limits": {"max_bytes": 1, "max_pixels": 2}}
