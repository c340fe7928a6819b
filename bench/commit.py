"""What git knows of the code: which commit it is, when that was made, and whether the working tree still is it."""

import re
import subprocess
from datetime import datetime
from typing import Final, NamedTuple

from bench.errors import UsageError, shown

_ID: Final = re.compile("[0-9a-f]{7,64}")


class Commit(NamedTuple):
    """A version of the code."""

    id: str
    """Hex digits."""
    made_at: datetime | None
    """By the committer's clock; None where there is no repository that says."""
    changed: bool = False
    """Files that git tracks are no longer as they were committed."""


def commit_of(ref: str | None) -> Commit:
    """The commit of a git ref in the current folder; None is the commit that is checked out.

    Where git knows no such ref, hex digits stand for themselves. Raises UsageError for anything else.
    """
    found = None if ref and "\0" in ref else git("rev-parse", "--verify", "--quiet", "--end-of-options", _commit(ref))
    if found is None:
        if ref is not None and _ID.fullmatch(ref):
            return Commit(ref, None)
        received = f"received {shown(ref)}" if ref is not None else "and this folder is in no git repository with one"
        raise UsageError(f"--commit: expected a commit of this repository, or 7 to 64 hex digits, {received}")
    made_at = git("show", "--no-patch", "--format=%cI", found)
    # Whoever names a commit says that it is what was measured.
    changed = ref is None and bool(git("status", "--porcelain", "--untracked-files=no"))
    return Commit(found, datetime.fromisoformat(made_at) if made_at else None, changed)


def git(*arguments: str) -> str | None:
    """What git answers, or None where it fails or is not there."""
    try:
        done = subprocess.run(  # noqa: S603  # arguments as a list, no shell
            ["git", *arguments],  # noqa: S607  # git is wherever the user's PATH has it
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _commit(ref: str | None) -> str:
    return f"{'HEAD' if ref is None else ref}^{{commit}}"
