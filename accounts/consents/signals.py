"""Signals of this room to the rooms above."""

from django.dispatch import Signal

# Sent after a LinkedIn connection was stored, with `connection_id`.
linkedin_connected = Signal()
