"""Pages over the house itself: what needs attention, settings, letters, audit log, system, captured mail."""
