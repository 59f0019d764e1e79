"""What a scan has done so far, kept beside its report, so that the same command continues after any end.

``header``: what a run must share with the one it continues. ``journal``: the file.
"""

from scanner.journal.header import JournalMismatch as JournalMismatch
from scanner.journal.header import build_header as build_header
from scanner.journal.journal import Journal as Journal
from scanner.journal.journal import journal_path as journal_path
from scanner.journal.journal import looks_like_journal as looks_like_journal
