"""Who may see what: people, their LinkedIn consent, the ad accounts, the audit trail."""
