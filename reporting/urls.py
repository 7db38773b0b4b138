"""Pages of this room."""

from django.urls import path

from reporting.admin.thresholds import former_address
from reporting.pages import actions, ad_account_removal, exports, navigation, snapshots, status, sync
from reporting.pages.report import page

app_name = "reporting"
urlpatterns = [
    path("admin/reporting/auditthresholds/", former_address, name="former_thresholds"),
    path("admin/reporting/auditthresholds/<path:rest>", former_address, name="former_thresholds_page"),
    path("actions/", actions.actions, name="actions"),
    path("actions/change/", actions.change, name="change_findings"),
    path("actions/judge/", actions.check_now, name="check_now"),
    path("actions/judging/", actions.check_progress, name="check_progress"),
    path("actions/findings.csv", actions.download, name="actions_csv"),
    path("favicon.ico", navigation.favicon, name="favicon"),
    path("ad-accounts/<int:ad_account_id>/remove/", ad_account_removal.remove_ad_account, name="remove_ad_account"),
    path("exports/", exports.exports, name="exports"),
    path("exports/new/", exports.new, name="new_export"),
    path("exports/ask/", exports.ask, name="ask_export"),
    path("exports/<int:export_id>/cancel/", exports.cancel, name="cancel_export"),
    path("exports/<int:export_id>/file/", exports.file, name="export_file"),
    path("report/", page.report, name="report"),
    path("report/sections/<slug:name>/", page.report_section, name="report_section"),
    path("snapshots/", snapshots.snapshots, name="snapshots"),
    path("snapshots/take/", snapshots.take, name="take_snapshot"),
    path("snapshots/<int:snapshot_id>/document/", snapshots.document, name="snapshot_document"),
    path("status/", status.status, name="status"),
    path("sync/", sync.sync, name="sync"),
    path("sync/plan/", sync.plan, name="plan"),
    path("sync/start/", sync.start, name="start"),
    path("sync/runs/<int:run_id>/", sync.run, name="run"),
    path("sync/runs/<int:run_id>/cancel/", sync.cancel, name="cancel"),
    path("sync/runs/<int:run_id>/retry/", sync.retry, name="retry"),
]
