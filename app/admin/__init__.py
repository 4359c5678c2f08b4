"""Admin pages over the whole house: jobs, audit log, settings, letters, system."""
