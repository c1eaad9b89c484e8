"""The outside that carries messages to people."""
