"""Models as candidates' authors, as pytest sees them: who is asked for what, and when.

Nothing here imports torch.
"""
