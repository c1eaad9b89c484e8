"""What notify decides: whom to tell what, where, and what became of each message."""
