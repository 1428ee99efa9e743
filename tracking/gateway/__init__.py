"""Sockets: hear a device, keep what it says, answer."""
