"""What bytes mean: from a file to pixels and facts, or to a typed failure. Runs in the sandbox.

``still``: pictures. ``provenance``: what a file says of its own origin. ``limits``: what one file may cost.
"""

from scanner.media.limits import Limits as Limits
