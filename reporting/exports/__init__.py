"""Lists and reports of any size as files that workers write: requests, contents, formats, storage."""
