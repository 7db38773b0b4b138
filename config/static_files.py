"""Where collected static files lie: for whichever user serves them, compressed ones too."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedStaticFilesStorage


class PublicStaticFiles(CompressedStaticFilesStorage):  # type: ignore[misc]
    """whitenoise writes the compressed files itself, with the umask of this service, which keeps others out."""

    def post_process(
        self, paths: Mapping[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool]]:
        for original, compressed, is_processed in super().post_process(dict(paths), dry_run, **options):
            Path(self.path(compressed)).chmod(self.file_permissions_mode or 0o644)
            yield original, compressed, bool(is_processed)
