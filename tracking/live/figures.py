"""What the live channel counts of itself."""

from prometheus_client import Counter, Gauge, Histogram

CLIENTS = Gauge(
    "vigil_live_clients",
    "Screens that are connected to the live channel.",
    multiprocess_mode="livesum",
)
CHANGE_LAG_S = Histogram(
    "vigil_live_change_lag_seconds",
    "Time from the start of the transaction that changed an alarm to its being told to screens.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0),
)
POSITIONS = Counter("vigil_live_positions", "Positions that the live channel heard.")
TOO_SLOW = Counter(
    "vigil_live_clients_too_slow", "Screens sent away because they did not keep up with alarms."
)
FRESH = Gauge(
    "vigil_live_fresh",
    "Whether the live channel has heard from PostgreSQL lately: 1 or 0; the worst process speaks.",
    multiprocess_mode="livemin",
)
