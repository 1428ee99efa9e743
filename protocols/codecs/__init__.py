"""One file a protocol; the folder listing is the list of what we speak."""
