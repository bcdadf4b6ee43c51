"""Projects: who may do what in them (access), what they are, and which services are enabled."""
