"""This room's part of the REST API, and how the API of every room authenticates and limits requests."""
