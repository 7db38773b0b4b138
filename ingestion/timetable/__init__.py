"""When each ad account syncs: freshness, schedules, requests by people, discovery."""
