"""The agents' pages: the queue, one ticket, a ticket opened for somebody, a customer's tickets."""
