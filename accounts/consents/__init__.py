"""LinkedIn consents: OAuth, connections and their tokens, warnings, and the ad accounts they give access to."""
