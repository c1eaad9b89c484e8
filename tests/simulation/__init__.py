"""The real code on a deterministic scheduler, over doubles of the database and the broker: one seed, one history."""
