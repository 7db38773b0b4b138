"""How the web process serves; gunicorn reads these names."""

# A thread per request: pages wait for PostgreSQL, not for the processor.
threads = 8
accesslog = "-"
# The path alone: LinkedIn's callback carries an authorization code in its query.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(b)s bytes %(L)s s'
loglevel = "warning"
