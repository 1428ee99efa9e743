"""How soon a person must act on each cause (1 at once … 5 for information).

Priorities follow the centre's table: 1 a person may need help; 2 a theft may be under way;
3 a path or a watch has failed; 4 maintenance; 5 information.
"""

PRIORITY = {
    "panic": 1,
    "fall": 1,
    "no_motion": 1,
    "crash": 1,
    "amber": 1,
    "tow": 2,
    "stolen": 2,
    "jamming": 2,
    "power_cut": 2,
    "tamper": 2,
    "removed": 2,
    "antenna_cut": 2,
    "identity_conflict": 2,
    "unreadable": 2,
    "unspecified": 2,
    "rule_failed": 2,
    "outage": 2,
    "silence": 3,
    "low_battery": 4,
    "low_power": 4,
}
UNLISTED = 3


def priority_of(cause: str) -> int:
    """1 to 5; a cause that nobody ranked is a 3, so that somebody looks."""
    return PRIORITY.get(cause, UNLISTED)
