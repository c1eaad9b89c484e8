"""Feedback: what customers say when it is over comes back as improvement."""
