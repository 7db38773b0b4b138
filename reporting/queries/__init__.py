"""All reading SQL: one question, one function.

Every function takes `ad_accounts`, the ad accounts the asker may see (`accounts.access.visible_ad_accounts`), as a
queryset that may be narrowed further, and answers with frozen dataclasses. Ids of campaigns and creatives only
narrow the answer: those of other ad accounts are as good as absent.
"""
