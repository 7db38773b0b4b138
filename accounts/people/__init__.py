"""People: invitations, roles, sessions, and each person's own account."""
