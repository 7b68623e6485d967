"""Scores of summaries and the uncertainty of their means; ../evaluate.py is the command."""
