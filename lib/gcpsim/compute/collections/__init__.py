"""The collections of Compute Engine, one module each, and the table that lists them."""
