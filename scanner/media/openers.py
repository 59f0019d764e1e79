"""The kinds of media: one line each."""

from __future__ import annotations

from scanner.media.inside.opener import ContainerOpener
from scanner.media.opener import Opener
from scanner.media.other import OtherOpener
from scanner.media.still import StillOpener
from scanner.media.video.opener import VideoOpener

OPENERS: list[Opener] = [VideoOpener(), ContainerOpener(), OtherOpener(), StillOpener()]
"""Asked in this order; the last takes whatever is left."""
