"""What is said of a file that only stands for another: of Git LFS or git-annex, and not fetched."""

from __future__ import annotations

from models.filetypes import pointer_of

NOT_FETCHED = {
    "Git LFS": "a Git LFS pointer, not the file; fetch it: git lfs pull",
    "git-annex": "a git-annex pointer, not the file; fetch it: git annex get",
}
"""By what :func:`models.filetypes.pointer_of` says of it."""


def not_fetched(head: bytes) -> str:
    """Words for the row of a file that begins with ``head``; empty if it is no pointer."""
    return NOT_FETCHED.get(pointer_of(head), "")
