"""What came out: records, the terminal summary, and the messages of failures."""
