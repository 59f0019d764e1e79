"""What bytes mean: from a file to pictures and facts, or to a typed failure. Runs in the sandbox.

``opener``: what a kind of media is. ``openers``: the list of them. ``still``, ``other``: one kind each. ``extract``:
whatever kind it is. ``file``: a file in an opener's hands. ``provenance``: what a file says of its own origin.
``limits``: what one file may cost.
"""

from scanner.media.limits import Limits as Limits
