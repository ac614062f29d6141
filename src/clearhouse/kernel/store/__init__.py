"""PostgreSQL, on a laptop and in production alike: embedded launcher, roles, transactions."""
