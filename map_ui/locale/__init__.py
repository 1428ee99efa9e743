"""The words of the pages in Dutch, French and German; English is what the source says."""
