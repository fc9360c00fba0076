"""Readings as text for people, one module each."""
