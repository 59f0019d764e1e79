"""Results that need not be made again, shared by scans: keyed by content, never by what a report says of it.

``context``: what a result depends on besides the bytes. ``store``: the SQLite file. ``cache``: what a scan asks it.
"""

from scanner.cache.cache import Cache as Cache
from scanner.cache.context import build_context as build_context
