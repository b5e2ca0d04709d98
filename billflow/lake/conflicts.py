"""Errors of runs that others have overtaken: what was published meanwhile stands."""

from billflow.errors import ConflictError
from billflow.lake.manifest import FOLDER, Manifest, is_correction


def lost_to(head: Manifest, key: str) -> ConflictError:
    """The error of a run of a partition that another run of it overtook."""
    winner = head.at(key)
    return ConflictError(
        f"another run ({winner.run_id if winner else 'unknown'}) of {key} published first; this one published nothing",
        where=f"{FOLDER}, version {head.version}",
        remedy="run again if its result is not the one you wanted",
    )


def numbers_taken(head: Manifest, key: str) -> ConflictError:
    """The error of a confirmation or correction whose numbers another one has used meanwhile."""
    if is_correction(key):
        return ConflictError(
            "another bill was confirmed or corrected meanwhile and has the numbers; nothing was published",
            where=f"{FOLDER}, version {head.version}",
            remedy="correct it again: its numbers will follow the other's",
        )
    return ConflictError(
        f"another partition was confirmed while {key} was, and has its numbers; nothing of {key} was confirmed",
        where=f"{FOLDER}, version {head.version}",
        remedy="confirm it again: its numbers will follow the other's",
    )
