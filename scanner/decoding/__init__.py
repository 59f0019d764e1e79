"""From candidates to pixels, in processes that may crash, hang or be killed without harm to the run.

``limits``: what one file may cost. ``decode``: one file, in whatever process. ``worker``: the process around it.
``pool``: the run's side. ``slab``: the memory through which pixels travel.
"""

from scanner.decoding.decode import Decoded as Decoded
from scanner.decoding.limits import Limits as Limits
from scanner.decoding.pool import DecodePool as DecodePool
