"""What can be noticed, one kind a file: watches that every unit is subject to, and conditions."""
