"""What every page shares: formatting, downloads, the admin's base classes. Knows no person and no ad."""
