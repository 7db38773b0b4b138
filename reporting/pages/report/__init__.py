"""The visual report: its filters, and its nine sections as charts and tables."""
