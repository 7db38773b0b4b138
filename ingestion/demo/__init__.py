"""The demo's first day, and generated figures for measuring."""
