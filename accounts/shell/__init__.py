"""What all pages share: formatting, downloads, the admin's base classes. Independent of people and ads."""
