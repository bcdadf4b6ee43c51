"""What all collections of Compute Engine share: storing, linking, listing, operations."""
