"""The Action center: rules, the facts they read, and the findings they make."""
