"""What one durable hop costs here, beside what it costs a bare client: `make bench`."""
