"""What may know a result before the file is read.

``memory``: all of it, as a run uses it. ``journal``: this report's scan, if it was cut off; ``journal_header``: what a
scan must share with the one that it continues. ``cache``: any scan of before, by content; ``cache_store``: the SQLite
file under it, which few scans load.
"""

from scanner.memory.journal import Journal as Journal
from scanner.memory.journal import journal_path as journal_path
from scanner.memory.journal import looks_like_journal as looks_like_journal
from scanner.memory.journal_header import JournalMismatch as JournalMismatch
from scanner.memory.journal_header import build_header as build_header
from scanner.memory.memory import Memories as Memories
