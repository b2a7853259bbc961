"""Delivery: what a revision is, how its traffic grows step by step, and what the gates make of the evidence."""
