"""What needs articles and requests at once: questions solved without a request."""
