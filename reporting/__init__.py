"""Everything out: questions, numbers, API, pages, files."""
