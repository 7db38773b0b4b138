"""The audit trail: who did what, append-only."""

from django.db import models


def audit_kinds() -> list[tuple[str, str]]:
    """Called by Django each time, so that a new kind needs no migration."""
    return AuditEvent.Kind.choices


class AuditEvent(models.Model):
    """One thing someone did; `accounts/audit_trail.py` is the only writer. PostgreSQL refuses to change or delete one.

    No foreign keys: an event outlives the person and the object it is about.
    """

    class Kind(models.TextChoices):
        LOGIN = "login", "Signed in"
        LOGIN_FAILED = "login_failed", "Failed to sign in"
        LOCKED_OUT = "locked_out", "Locked out"
        LOGOUT = "logout", "Signed out"
        SESSION_ENDED = "session_ended", "Session ended"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        SECOND_STEP_PASSED = "second_step_passed", "Second step passed"
        SECOND_STEP_FAILED = "second_step_failed", "Second step failed"
        SECOND_STEP_ADDED = "second_step_added", "Second step added"
        SECOND_STEP_REMOVED = "second_step_removed", "Second step removed"
        SECOND_STEP_RESET = "second_step_reset", "Second step reset"
        RECOVERY_CODES_CREATED = "recovery_codes_created", "Recovery codes created"
        SIGN_IN_LINK_CREATED = "sign_in_link_created", "Sign-in link created"
        USER_INVITED = "user_invited", "Person invited"
        INVITATION_ACCEPTED = "invitation_accepted", "Invitation accepted"
        INVITATION_REVOKED = "invitation_revoked", "Invitation revoked"
        USER_ADDED = "user_added", "Person added"
        SERVICE_ACCOUNT_ADDED = "service_account_added", "Service account added"
        USER_CHANGED = "user_changed", "Person changed"
        USER_REMOVED = "user_removed", "Person removed"
        ROLE_CHANGED = "role_changed", "Role changed"
        AD_ACCOUNT_GRANTED = "ad_account_granted", "Access to an ad account granted"
        AD_ACCOUNT_GRANT_TAKEN_BACK = "ad_account_grant_taken_back", "Access to an ad account revoked"
        CONSENT_GIVEN = "consent_given", "LinkedIn consent given"
        CONSENT_GIVEN_BY_ANOTHER_MEMBER = "consent_given_by_another_member", "LinkedIn consent given by another member"
        CONSENT_REFRESHED = "consent_refreshed", "LinkedIn consent renewed"
        CONSENT_LOST = "consent_lost", "LinkedIn consent lost"
        CONSENT_REVOKED = "consent_revoked", "LinkedIn consent ended"
        CONSENT_NOT_RENEWABLE = "consent_not_renewable", "LinkedIn consent not renewable"
        CONSENT_NOT_REVOKED_AT_LINKEDIN = (
            "consent_not_revoked_at_linkedin",
            "Ended LinkedIn consent not revoked at LinkedIn",
        )
        TOKENS_REENCRYPTED = "tokens_reencrypted", "LinkedIn tokens encrypted again"
        API_TOKEN_ISSUED = "api_token_issued", "API token issued"
        API_TOKEN_REVOKED = "api_token_revoked", "API token revoked"
        EXPORT_REQUESTED = "export_requested", "Export requested"
        EXPORTED = "exported", "Exported"
        SNAPSHOT_TAKEN = "snapshot_taken", "Snapshot taken manually"
        SYNC_STARTED_BY_HAND = "sync_started_by_hand", "Sync started manually"
        SYNC_CANCELLED = "sync_cancelled", "Sync cancelled"
        TIMETABLE_CHANGED = "timetable_changed", "Timetable changed"
        # Stored under its first name, as is AD_ACCOUNT_RESTORED: events of earlier versions have it.
        CHECKS_STARTED_BY_HAND = "audit_started_by_hand", "Checks run manually"
        FINDING_CHANGED = "finding_changed", "Finding changed"
        THRESHOLDS_CHANGED = "thresholds_changed", "Check thresholds changed"
        AD_ACCOUNT_SETTINGS_CHANGED = "ad_account_settings_changed", "Settings of an ad account changed"
        REPORTING_ROLE_CHANGED = "reporting_role_changed", "Database role of a BI tool changed"
        AD_ACCOUNT_REMOVED = "ad_account_removed", "Ad account removed with all its data"
        AD_ACCOUNT_RESTORED = "ad_account_let_back", "Removed ad account restored"
        BACKUP_MADE = "backup_made", "Backup made"
        BACKUP_RESTORED = "backup_restored", "Backup restored"

    personal_data = frozenset({"actor_email", "detail"})

    happened_at = models.DateTimeField(auto_now_add=True, db_index=True)
    kind = models.TextField(choices=audit_kinds, help_text="what happened, such as consent_given")
    actor_id = models.BigIntegerField("actor", null=True, help_text="the person's id; empty for the system")
    actor_email = models.TextField("who", null=True)
    ad_account_id = models.BigIntegerField("ad account", null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_events"
        verbose_name = "audit event"
        verbose_name_plural = "events of the audit trail"
        ordering = ["-happened_at"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_email or 'the system'}"
