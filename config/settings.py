"""Every setting; `config/env.py` reads those that the environment decides."""

import logging
import os
from urllib.parse import urlsplit

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static
from django.urls import reverse_lazy

from config import logs
from config.embedded import EmbeddedServers
from config.env import (
    BASE_DIR,
    Environment,
    database_settings,
    generated_secret,
    keep_requests_to_this_machine_direct,
    key_prefix_of,
    origin_of,
    passkey_origins,
)
from config.valkey import broker, with_password

# Whatever these processes write, and the programs that they start, is nobody else's to read on this machine.
os.umask(0o077)
env = Environment.read()
keep_requests_to_this_machine_direct()
DATA_DIR = (BASE_DIR / env.DATA_DIR).resolve()

# --- Databases -------------------------------------------------------------------------------------
# The embedded PostgreSQL or Valkey is used wherever no address is given.
EMBEDDED_SERVERS = EmbeddedServers(
    data_dir=DATA_DIR,
    postgresql=not env.DATABASE_URL,
    valkey=not env.REDIS_URL,
    throw_away=env.EMBEDDED_THROW_AWAY,
)
_EXTERNAL_DATABASE = not EMBEDDED_SERVERS.postgresql
DATABASES = {
    "default": {
        **(
            database_settings(env.DATABASE_URL, password=env.DATABASE_PASSWORD)
            if _EXTERNAL_DATABASE
            else EMBEDDED_SERVERS.database_settings()
        ),
        "ENGINE": "config.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = with_password(env.REDIS_URL, env.REDIS_PASSWORD) or EMBEDDED_SERVERS.redis_url()
# In front of every key and queue, so that installations may share one Valkey: a database belongs to one of them.
REDIS_KEY_PREFIX = env.REDIS_KEY_PREFIX or key_prefix_of(DATABASES["default"])
# Shared by every process, so that what is counted is counted once.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # A list, because Django would cut an address at its commas and semicolons.
        "LOCATION": [REDIS_URL],
        "KEY_PREFIX": f"{REDIS_KEY_PREFIX}cache",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

# --- Security --------------------------------------------------------------------------------------
DEBUG = env.DEBUG
_IS_LOCAL = DEBUG or not _EXTERNAL_DATABASE
SECRET_KEY = env.SECRET_KEY or generated_secret("SECRET_KEY", DATA_DIR, may_generate=_IS_LOCAL)
FIELD_ENCRYPTION_KEYS = (
    env.FIELD_ENCRYPTION_KEYS or generated_secret("FIELD_ENCRYPTION_KEYS", DATA_DIR, may_generate=_IS_LOCAL)
).split(",")
# Where people reach this service; links in e-mails start with it, and https turns on cookies and headers for https.
SITE_URL = env.SITE_URL
_HTTPS = SITE_URL.startswith("https://")
_LOOPBACK = ["127.0.0.1", "localhost"] if _IS_LOCAL else []
ALLOWED_HOSTS = env.ALLOWED_HOSTS or list(dict.fromkeys([*_LOOPBACK, urlsplit(SITE_URL).hostname or ""]))
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS or [SITE_URL]
# Anybody can send X-Forwarded-Proto: it counts only where a proxy is known to overwrite it.
BEHIND_PROXY = env.BEHIND_PROXY
PROXY_NETWORKS = env.PROXY_NETWORKS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = env.HSTS_SECONDS if _HTTPS else 0
# Subdomains, and browsers' preload lists, are for the domain's owner to decide, not for one service on it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", *env.SILENCED_CHECKS]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# The way to LinkedIn and back stays in one tab, so no other origin needs access to this window.
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
# With this prefix browsers take the cookie from this very host over https alone, and not from others of its domain.
_COOKIE_PREFIX = "__Host-" if _HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}sessionid", f"{_COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_HTTPONLY = True
# Lax, not Strict: a person who returns from LinkedIn's consent page must still be signed in.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_HOURS = env.SESSION_HOURS
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
DEFAULT_EXCEPTION_REPORTER = "config.error_reports.ErrorReport"
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.error_reports.SecretsHidden"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.sign_in.password_rules.GuessablePasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_ENGINE = "accounts.sign_in.session_store"
PASSWORD_RESET_TIMEOUT = 3600
# Only backends that count failed attempts: `accounts/sign_in/lock_out.py`.
AUTHENTICATION_BACKENDS = [
    "accounts.sign_in.password_backend.PasswordBackend",
    "social_core.backends.linkedin.LinkedinOpenIdConnect",
]
# The only one: each other would hash as many at once as there are requests.
PASSWORD_HASHERS = ["accounts.sign_in.password_hashing.BoundedHasher"]
# Its tables are all that is left of it, see `config/former_apps.py`.
AXES_ENABLED = AXES_ENABLE_ADMIN = False

# --- Applications ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "ingestion",
    "reporting",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "qsessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "config.former_apps.AxesTables",
    "social_django",
    "django_otp_webauthn",
]
MIDDLEWARE = [
    "config.client_address.ClientAddressMiddleware",
    # Those that only add headers come before those that respond themselves, so that files and errors get them too.
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.statement_limit.limit_statements",
    "reporting.operations.endpoints.OperationsMiddleware",
    "config.logs.RequestLines",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Inside of the one above: `collectstatic` has compressed the static files already.
    "config.compression.CompressionMiddleware",
    "qsessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.api.throttling.rate_limit_headers",
    "config.headers.safe_headers",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.error_pages.refuse_nul",
    "config.error_pages.explain_not_allowed",
    "config.error_pages.ExplainRefusals",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sign_in.session_age.SessionAge",
    "accounts.sign_in.middleware.SessionsInUse",
    "accounts.sign_in.second_step.middleware.SecondStepFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.sign_in.middleware.SignInTrouble",
]
UNFOLD = {
    "SITE_TITLE": "LinkedIn Ads Action Center",
    "LOGIN": {"form": "accounts.sign_in.forms.SignInForm"},
    "DASHBOARD_CALLBACK": "reporting.pages.overview.dashboard",
    "STYLES": [lambda _: static("reporting/pages.css")],
    "SCRIPTS": [
        lambda _: static("reporting/pages.js"),
        lambda _: static("accounts/show_password.js"),
    ],
    "ACCOUNT": {"navigation": [{"title": "Your account", "link": reverse_lazy("people:me")}]},
    "SITE_HEADER": "Action Center",
    "SITE_SUBHEADER": "LinkedIn Ads",
    # The admin is the site: there is no other to return to.
    "SITE_URL": None,
    "SITE_ICON": "reporting.pages.navigation.icon",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "reporting.pages.navigation.icon"},
        {"rel": "apple-touch-icon", "sizes": "180x180", "href": "reporting.pages.navigation.icon_for_home_screens"},
    ],
    "SIDEBAR": {"navigation": "reporting.pages.navigation.sidebar"},
    "COLORS": {
        # The icon's blue; Unfold's own is purple.
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        }
    },
}
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.consents.context_processors.consent_notices",
            ],
            "libraries": {
                "formatting": "accounts.shell.template_tags",
                "sign_in": "accounts.sign_in.template_tags",
            },
        },
    }
]

# --- API -------------------------------------------------------------------------------------------
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 (a model)
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_PREFIX": "laac_"}
# Our model replaces its only table.
MIGRATION_MODULES = {"knox": None}
REST_FRAMEWORK = {
    # WWW-Authenticate names the first one.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiTokenAuthentication",
        "accounts.api.browser_session.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.api.permissions.WithinTokenScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.rest_formats.ShallowJson"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.rest_formats.KnownFormats",
    "EXCEPTION_HANDLER": "config.rest.error_response",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.PerMinute"],
    "DEFAULT_SCHEMA_CLASS": "reporting.api.schema.ErrorsToo",
}
# For each API token, and for each person in a browser.
API_REQUESTS_PER_MINUTE = env.API_REQUESTS_PER_MINUTE
API_EXPORTS_PER_MINUTE = env.API_EXPORTS_PER_MINUTE
API_STATEMENT_SECONDS = env.API_STATEMENT_SECONDS
DOWNLOADS_AT_ONCE = env.DOWNLOADS_AT_ONCE
_API_TAGS = {
    "ad-accounts": "Ad accounts, their syncs and checks.",
    "campaigns": "Campaigns, which Campaign Manager calls ad sets.",
    "creatives": "The ads people see.",
    "campaign-metrics": "Daily figures of campaigns.",
    "creative-metrics": "Daily figures of creatives.",
    "demographics": "Who saw the ads, by month.",
    "reports": "Sums with ratios and comparisons.",
    "exports": "Large files that a worker writes.",
    "findings": "What the checks found, and what people decide about it.",
    "snapshots": "Documents for language models.",
    "sync-logs": "Sync runs.",
    "rejected-records": "Records from LinkedIn that are not valid.",
    "connections": "LinkedIn consents.",
    "schedules": "The timetable.",
    "status": "How recent the data is, and what needs attention.",
    "me": "The person of a token.",
    "root": "All endpoints.",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "LinkedIn Ads Action Center",
    "DESCRIPTION": "LinkedIn's ad figures, complete and with an as-of date. Days and instants are UTC; money is a "
    "decimal string beside its currency; ratios come from summed counts.",
    "VERSION": "1",
    # In 3.0, what a component describes cannot be null.
    "OAS_VERSION": "3.1.1",
    "CONTACT": {"name": "Whoever runs this installation"},
    # Relative to the document: each installation serves its own.
    "SERVERS": [{"url": "/", "description": "This installation"}],
    "TAGS": [{"name": name, "description": text} for name, text in _API_TAGS.items()],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PATH_CONVERTER_OVERRIDES": {"row": int},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # `fields` leaves out whatever is not asked for.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "reporting.api.schema.with_plain_types",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Other models have a state and a severity too.
    "ENUM_NAME_OVERRIDES": {
        "ExportStateEnum": "reporting.models.Export.State",
        "ExportFormatEnum": "reporting.models.Export.Format",
        "ExportDialectEnum": "reporting.models.Export.Dialect",
        "FindingStateEnum": "reporting.models.Finding.State",
        "FindingSeverityEnum": "reporting.models.Finding.SEVERITIES",
        "SnapshotStateEnum": "reporting.models.Snapshot.State",
        "SnapshotTriggerEnum": "reporting.models.Snapshot.Trigger",
        "SyncLogTriggerEnum": "ingestion.models.SyncLog.Trigger",
        "DemographicPivotTypeEnum": "ingestion.models.AudienceDemographic.PivotType",
    },
}

# --- Language, time, static files ------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
# Locally nothing is collected first: static files are served from where the packages keep them.
WHITENOISE_USE_FINDERS = _IS_LOCAL
WHITENOISE_AUTOREFRESH = DEBUG

# --- Celery ----------------------------------------------------------------------------------------
_BROKER = broker(REDIS_URL)
CELERY_BROKER_URL = _BROKER.url
CELERY_BROKER_USE_SSL = _BROKER.tls
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # nothing is kept, so beat need not clean up
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 6 * 3600
# Some time before, so that the sync can close its run; the next one continues from there.
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT - 600
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_KEY_PREFIX,
    # Longer than the longest task, else the broker hands a running sync to a second worker.
    "visibility_timeout": CELERY_TASK_TIME_LIMIT + 3600,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "ingestion.processes.beat:HeartbeatScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- LinkedIn --------------------------------------------------------------------------------------
LINKEDIN_CLIENT_ID = env.LINKEDIN_CLIENT_ID
LINKEDIN_CLIENT_SECRET = env.LINKEDIN_CLIENT_SECRET
LINKEDIN_REDIRECT_URI = env.LINKEDIN_REDIRECT_URI or f"{SITE_URL}/linkedin/callback/"
LINKEDIN_SCOPES = env.LINKEDIN_SCOPES.split()
LINKEDIN_API_BASE_URL = env.LINKEDIN_API_BASE_URL
LINKEDIN_AUTH_BASE_URL = env.LINKEDIN_AUTH_BASE_URL
LINKEDIN_API_VERSION = env.LINKEDIN_API_VERSION

# Sign-in needs an app of its own: within one app, a consent for other scopes ends a member's earlier tokens.
LINKEDIN_LOGIN_CLIENT_ID = env.LINKEDIN_LOGIN_CLIENT_ID
LINKEDIN_LOGIN_CLIENT_SECRET = env.LINKEDIN_LOGIN_CLIENT_SECRET
SIGN_UP_EMAIL_DOMAINS = env.SIGN_UP_EMAIL_DOMAINS
SOCIAL_AUTH_URL_NAMESPACE = "people"
SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_KEY = LINKEDIN_LOGIN_CLIENT_ID
SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_SECRET = LINKEDIN_LOGIN_CLIENT_SECRET
SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_OIDC_ENDPOINT = f"{LINKEDIN_AUTH_BASE_URL}/oauth"
SOCIAL_AUTH_REQUESTS_TIMEOUT = 15
# Without the library's step that creates a user for every stranger, and without the one that stores tokens.
SOCIAL_AUTH_PIPELINE = [
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.social_user",
    "accounts.sign_in.linkedin_login.person_behind",
    "social_core.pipeline.social_auth.associate_user",
]

# --- Second step -----------------------------------------------------------------------------------
# Who may open no page without a second step; whoever has set one up passes it in any case.
SECOND_STEP_ROLES = [role for role in env.SECOND_STEP_REQUIRED_FOR if role != "nobody"]
if not env.SECOND_STEP_REQUIRED_FOR and _HTTPS:
    SECOND_STEP_ROLES = ["owner", "manager"]
# Browsers offer passkeys to https addresses with a name, and to this machine as localhost; each belongs to its host.
OTP_WEBAUTHN_RP_ID = urlsplit(SITE_URL).hostname or ""
OTP_WEBAUTHN_RP_NAME = "LinkedIn Ads Action Center"
OTP_WEBAUTHN_ALLOWED_ORIGINS = passkey_origins(SITE_URL)
# Without an origin none are offered.
SILENCED_SYSTEM_CHECKS += ["otp_webauthn.E030"]
OTP_WEBAUTHN_HELPER_CLASS = "accounts.sign_in.second_step.passkeys.Ceremonies"
# A passkey is the second step, not the first; so security keys without memory for passkeys work too.
OTP_WEBAUTHN_ALLOW_PASSWORDLESS_LOGIN = False
OTP_WEBAUTHN_EXCEPTION_LOGGER_NAME = ""

# --- Single sign-on ----------------------------------------------------------------------------------
SIGN_IN_WITH = env.SIGN_IN_WITH
_OTHER_WAYS = AUTHENTICATION_BACKENDS if SIGN_IN_WITH != "sso" else []
# With "sso" nothing else signs anybody in, and sessions that began in other ways end.
AUTHENTICATION_BACKENDS = [
    *_OTHER_WAYS,
    "accounts.sign_in.single_sign_on.SingleSignOn",
    "accounts.sign_in.sign_in_links.SignInLinkBackend",
]
# The company's own OpenID provider, such as Keycloak, Entra ID, Okta or Google.
OIDC_NAME = env.OIDC_NAME
OIDC_TRUST_EMAIL = env.OIDC_TRUST_EMAIL
OIDC_ROLES = env.OIDC_ROLES
SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = env.OIDC_ENDPOINT
SOCIAL_AUTH_OIDC_KEY = env.OIDC_CLIENT_ID
SOCIAL_AUTH_OIDC_SECRET = env.OIDC_CLIENT_SECRET
SOCIAL_AUTH_OIDC_SCOPE = env.OIDC_SCOPES.split()
SOCIAL_AUTH_OIDC_IGNORE_DEFAULT_SCOPE = True
SOCIAL_AUTH_OIDC_USE_PKCE = True
SOCIAL_AUTH_OIDC_JWT_ALGORITHMS = ["RS256", "PS256", "ES256"]
SOCIAL_AUTH_OIDC_GROUPS_KEY = env.OIDC_GROUPS_CLAIM if OIDC_ROLES else None
SOCIAL_AUTH_OIDC_PIPELINE = [
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.social_user",
    "accounts.sign_in.single_sign_on.person_behind",
    "social_core.pipeline.social_auth.associate_user",
]

# --- What browsers may load -------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Alpine, which every page of Unfold is built on, compiles its attributes (`x-data`, `x-on`) with AsyncFunction.
        # So attributes that somebody injects into a page would run; a script, an event handler or a file of another
        # site would not. What keeps markup out of pages is that every template escapes what it shows.
        "script-src": [SELF, UNSAFE_EVAL],
        # Unfold writes its colours into a <style> of each page and widths into style attributes.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "frame-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        # Chromium applies this to redirects after a form too, and "Continue to LinkedIn" is such a form.
        "form-action": [SELF, origin_of(LINKEDIN_AUTH_BASE_URL)],
    }
}

# Browser features that no page here uses.
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in (
        "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
        "microphone", "midi", "payment", "usb",
    )
}  # fmt: skip

# --- Sync ------------------------------------------------------------------------------------------
FRESHNESS_TTL_MINUTES = env.FRESHNESS_TTL_MINUTES
BACKFILL_DAYS = env.BACKFILL_DAYS
LOOKBACK_DAYS = env.LOOKBACK_DAYS
SYNC_LEASE_SECONDS = env.SYNC_LEASE_SECONDS
SYNC_CONCURRENCY = env.SYNC_CONCURRENCY

# --- Snapshots and exports -------------------------------------------------------------------------------------
SNAPSHOT_DAYS = env.SNAPSHOT_DAYS
SNAPSHOT_KEEP_DAYS = env.SNAPSHOT_KEEP_DAYS
SNAPSHOT_MAX_BYTES = env.SNAPSHOT_MAX_BYTES
EXPORT_KEEP_HOURS = env.EXPORT_KEEP_HOURS
# For the parts of files that are being written; a file itself goes directly to the storage "exports".
EXPORT_TEMPORARY_FOLDER = DATA_DIR / "exports-being-written"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.static_files.PublicStaticFiles",
        # Public, and collected by another user than the one who serves them.
        "OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},
    },
    # Under no address: downloads go through a view that checks who may see the ad account.
    "snapshots": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "snapshots"},
    },
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "exports"},
    },
}

# --- E-mail ----------------------------------------------------------------------------------------
# Without a mail server, messages are printed by the process that would send them.
EMAIL_HOST = env.EMAIL_HOST
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env.EMAIL_PORT
EMAIL_HOST_USER = env.EMAIL_HOST_USER
EMAIL_HOST_PASSWORD = env.EMAIL_HOST_PASSWORD
EMAIL_USE_SSL = env.EMAIL_USE_SSL
EMAIL_USE_TLS = env.EMAIL_USE_TLS and not EMAIL_USE_SSL
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.DEFAULT_FROM_EMAIL

# --- Operations -------------------------------------------------------------------------------------
PRODUCT_VERSION = "0.2.0"
# /metrics needs this bearer token; without one, only programs on this machine may read it.
METRICS_TOKEN = env.METRICS_TOKEN

# --- Where the audit trail goes ---------------------------------------------------------------------
AUDIT_SYSLOG = env.AUDIT_SYSLOG
AUDIT_WEBHOOK_URL = env.AUDIT_WEBHOOK_URL
AUDIT_WEBHOOK_SECRET = env.AUDIT_WEBHOOK_SECRET
AUDIT_WEBHOOK_NETWORKS = env.AUDIT_WEBHOOK_NETWORKS
AUDIT_ALERTS = env.AUDIT_ALERTS
AUDIT_ALERT_SIGN_INS_REFUSED = env.AUDIT_ALERT_SIGN_INS_REFUSED

# --- Logging ---------------------------------------------------------------------------------------
LOG_FORMAT = env.LOG_FORMAT or ("text" if _IS_LOCAL else "json")
LOGGING = logs.logging_settings(line_format=LOG_FORMAT, level=env.LOG_LEVEL.upper())
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # the middleware has dropped what is not one
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
