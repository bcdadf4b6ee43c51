"""How things look: tables, pictures, what an apply did. Only here are DataFrames and HTML."""
