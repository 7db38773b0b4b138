from django.apps import AppConfig


class IngestionConfig(AppConfig):
    name = "ingestion"
    verbose_name = "LinkedIn data"

    def ready(self) -> None:
        from ingestion.timetable import receivers  # noqa: F401  (connects the receivers)
