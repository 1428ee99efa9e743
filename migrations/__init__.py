"""Migrations: written for a system that is running, one step a file."""
