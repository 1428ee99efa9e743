"""What happens because time passes: silence, days that open and close, things that expire."""

from tracking.timekeeper.rounds import run

__all__ = ["run"]
