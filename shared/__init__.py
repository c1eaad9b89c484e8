"""What all services need and none owns. No business rule lives here, and no service's name."""
