"""People: accounts, organisations, teams, permissions, sessions, and the tokens in their letters."""
