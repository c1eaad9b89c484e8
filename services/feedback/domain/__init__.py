"""What feedback decides: whom to ask when, what an answer sets in motion, and how figures are counted."""
