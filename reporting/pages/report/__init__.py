"""The visual report: what is asked (`filters`), and its nine sections as charts and tables (`sections`)."""
