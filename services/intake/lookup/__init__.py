"""What the customer system (CRM) knows of a contact: looked up before the decision, never inside it (IN-8, IN-24)."""
