"""Models as candidates' authors: who is asked, what, and what came back."""
