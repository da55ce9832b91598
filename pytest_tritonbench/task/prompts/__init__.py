"""Prompts: from a task to the messages that ask a model for its kernel."""
