"""What is wrong with a prompt's parts, told to the user."""


class PromptError(ValueError):
    """A prompt cannot be made; the message says what, where and what to do."""
