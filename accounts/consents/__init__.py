"""LinkedIn consents: the OAuth flow, connections and their tokens, warnings, and the ad accounts they open."""
