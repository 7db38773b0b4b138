"""The second step after signing in: authenticator apps, passkeys and recovery codes."""
