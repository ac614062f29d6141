"""What every system stands on: ids, clock, store, ledger, vault, identity, policy, jobs."""
