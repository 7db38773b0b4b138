"""Pages for people, inside the admin's shell; they ask `queries/` and calculate nothing."""
