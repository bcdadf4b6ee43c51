"""Values that every other room passes around, and the table of kinds. Knows nothing of the rest."""
