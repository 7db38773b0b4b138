"""One file per table; listing this folder lists the tables."""

from accounts.models.ad_account import AdAccount
from accounts.models.ad_account_access import AdAccountAccess
from accounts.models.api_token import ApiToken
from accounts.models.audit_alert import AuditAlert
from accounts.models.audit_delivery import AuditDelivery
from accounts.models.audit_event import AuditEvent
from accounts.models.authenticator_app import AuthenticatorApp
from accounts.models.consent_warning import ConsentWarning
from accounts.models.failed_login import FailedLogin
from accounts.models.invitation import Invitation
from accounts.models.linkedin_ad_account_role import LinkedInAdAccountRole
from accounts.models.linkedin_connection import LinkedInConnection
from accounts.models.recovery_code import RecoveryCode
from accounts.models.removed_ad_account import RemovedAdAccount
from accounts.models.user import ServiceAccount, User

__all__ = [
    "AdAccount",
    "AdAccountAccess",
    "ApiToken",
    "AuditAlert",
    "AuditDelivery",
    "AuditEvent",
    "AuthenticatorApp",
    "ConsentWarning",
    "FailedLogin",
    "Invitation",
    "LinkedInAdAccountRole",
    "LinkedInConnection",
    "RecoveryCode",
    "RemovedAdAccount",
    "ServiceAccount",
    "User",
]
