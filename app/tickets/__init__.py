"""Requests: from a customer's question to a solved ticket, with every step kept as an event."""
