"""What is known of some models from the start: the first version of their profiles."""

from tracking.profiles.profile import NewProfile

KNOWN = (
    NewProfile(
        codec="dc09",
        model="climax",
        settings={"alarms": {"120": ["fall"]}},
        category=None,
        reporting_time_s=None,
        note="Climax panels say 120 (panic) for a fall.",
    ),
)
