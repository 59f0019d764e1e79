"""The kinds of media: one line each."""

from __future__ import annotations

from scanner.media.opener import Opener
from scanner.media.other import OtherOpener
from scanner.media.still import StillOpener
from scanner.media.video.opener import VideoOpener

OPENERS: list[Opener] = [VideoOpener(), OtherOpener(), StillOpener()]
"""Asked in this order; the last takes whatever is left."""
