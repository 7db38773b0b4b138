"""All reading SQL: one question, one function.

Every function takes `ad_accounts`, the ad accounts the person may see (`accounts.access.visible_ad_accounts`), as a
queryset that may be filtered further, and returns frozen dataclasses. Ids of campaigns and creatives only filter the
result: those of other ad accounts match nothing.
"""
