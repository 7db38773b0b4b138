"""Audit events as sentences that people read."""

from collections import defaultdict
from typing import Final

from accounts.models import AuditEvent

_Kind = AuditEvent.Kind

# {who} did something to {user_email} or {ad_account}; the other names are keys of the event's detail.
_SENTENCES: Final[dict[str, str]] = {
    _Kind.LOGIN: "{who} signed in from {ip}",
    _Kind.LOGIN_FAILED: "Somebody failed to sign in as {user_email} from {ip}",
    _Kind.LOCKED_OUT: "Signing in as {user_email} from {ip} was locked after too many failures",
    _Kind.LOGOUT: "{who} signed out",
    _Kind.SESSION_ENDED: "{who} ended sessions of {user_email}",
    _Kind.PASSWORD_CHANGED: "{who} changed the password of {user_email}",
    _Kind.SECOND_STEP_PASSED: "{who} passed the second step with {device} from {ip}",
    _Kind.SECOND_STEP_FAILED: "{who} failed the second step from {ip}",
    _Kind.SECOND_STEP_ADDED: "{who} added {device} as a second step",
    _Kind.SECOND_STEP_REMOVED: "{who} removed {device} as a second step",
    _Kind.SECOND_STEP_RESET: "{who} reset the second step of {user_email}",
    _Kind.RECOVERY_CODES_CREATED: "{who} created new recovery codes",
    _Kind.SIGN_IN_LINK_CREATED: "{who} created a sign-in link for {user_email}",
    _Kind.USER_INVITED: "{who} invited {user_email}",
    _Kind.INVITATION_ACCEPTED: "{user_email} accepted an invitation",
    _Kind.INVITATION_REVOKED: "{who} revoked the invitation of {user_email}",
    _Kind.USER_ADDED: "{who} added {user_email} as {role}",
    _Kind.SERVICE_ACCOUNT_ADDED: "{who} added the service account {user_email} as {role}",
    _Kind.USER_CHANGED: "{who} changed {changed} of {user_email}",
    _Kind.USER_REMOVED: "{who} removed {user_email}",
    _Kind.ROLE_CHANGED: "{who} changed the role of {user_email} from {before} to {after}",
    _Kind.AD_ACCOUNT_GRANTED: "{who} granted {user_email} access to the ad account {ad_account}",
    _Kind.AD_ACCOUNT_GRANT_TAKEN_BACK: "{who} revoked the access of {user_email} to the ad account {ad_account}",
    _Kind.CONSENT_GIVEN: "{who} connected LinkedIn (connection {connection_id})",
    _Kind.CONSENT_GIVEN_BY_ANOTHER_MEMBER: (
        "LinkedIn connection {connection_id} now belongs to a different LinkedIn member"
    ),
    _Kind.CONSENT_REFRESHED: "{who} renewed the tokens of LinkedIn connection {connection_id}",
    _Kind.CONSENT_LOST: "LinkedIn connection {connection_id} was lost: {reason}",
    _Kind.CONSENT_REVOKED: "{who} ended the consent of LinkedIn connection {connection_id}",
    _Kind.CONSENT_NOT_RENEWABLE: "LinkedIn connection {connection_id} can no longer be renewed: {reason}",
    _Kind.CONSENT_NOT_REVOKED_AT_LINKEDIN: (
        "Connection {connection_id} was ended here, but not revoked at LinkedIn: {reason}"
    ),
    _Kind.TOKENS_REENCRYPTED: "{who} encrypted the tokens of {connections} LinkedIn connections with the first key",
    _Kind.API_TOKEN_ISSUED: "{who} issued the API token {token} with the scope {scope}",
    _Kind.API_TOKEN_REVOKED: "{who} revoked the API token {token} of {user_email}",
    _Kind.EXPORT_REQUESTED: "{who} requested an export of {what}",
    _Kind.EXPORTED: "{who} exported {what}",
    _Kind.SNAPSHOT_TAKEN: "{who} took a snapshot of {days} days of the ad account {ad_account}",
    _Kind.SYNC_STARTED_BY_HAND: "{who} started a sync of the ad account {ad_account}",
    _Kind.SYNC_CANCELLED: "{who} cancelled a sync of the ad account {ad_account}",
    _Kind.TIMETABLE_CHANGED: "{who} {change} {entry} in the timetable",
    _Kind.CHECKS_STARTED_BY_HAND: "{who} ran the checks on the ad account {ad_account}",
    _Kind.FINDING_CHANGED: "{who} {change} the finding “{finding}” of the ad account {ad_account} {detail}",
    _Kind.THRESHOLDS_CHANGED: "{who} {change} the check thresholds of the ad account {ad_account}",
    _Kind.AD_ACCOUNT_SETTINGS_CHANGED: "{who} changed the settings of the ad account {ad_account}: {changed}",
    _Kind.REPORTING_ROLE_CHANGED: "{who} {change} the database role {role}; ad accounts that it reads: {ad_accounts}",
    _Kind.AD_ACCOUNT_REMOVED: "{who} removed the ad account {ad_account} “{name}” with its {rows} rows",
    _Kind.AD_ACCOUNT_RESTORED: "{who} restored the removed ad account {ad_account} “{name}”",
    _Kind.BACKUP_MADE: "{who} made a backup of {rows} rows and {files} stored files",
    _Kind.BACKUP_RESTORED: "{who} restored the backup of {made_at}: {rows} rows and {files} stored files",
}


def sentence(event: AuditEvent, *, ad_account_name: str | None = None) -> str:
    """What happened, in one sentence. People appear with the e-mail address they had then."""
    known = {key: _readable(value) for key, value in event.detail.items()}
    by_command = event.detail.get("by") == "command"
    known["who"] = event.actor_email or ("Somebody at the command line" if by_command else "The system")
    if event.ad_account_id is not None:
        number = str(event.ad_account_id)
        known["ad_account"] = f"{ad_account_name} ({number})" if ad_account_name else number
    # Older events may lack details that are recorded today.
    return _SENTENCES[event.kind].format_map(defaultdict(lambda: "?", known))


def _readable(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
