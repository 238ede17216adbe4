"""Rules for the pages of all roles: addresses, languages, screens, browsers and lost networks."""
