"""This room's part of the REST API, and how every room's API knows who asks."""
