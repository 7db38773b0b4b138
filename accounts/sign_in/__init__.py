"""How people sign in: password, LinkedIn, lock-out, password reset."""
