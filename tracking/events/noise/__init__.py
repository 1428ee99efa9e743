"""What makes most alarms, and what setting would have spared how many."""
