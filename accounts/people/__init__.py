"""People: invitations, roles, sessions, everybody's own account."""
