"""Working hours and service levels: pure rules here, their tables and pages beside them."""
