"""All reading SQL: one question, one function; each takes the ad accounts the asker may see."""
