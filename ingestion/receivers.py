"""Hears what the accounts room announces."""
