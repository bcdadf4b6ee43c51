"""What runs in the process of the clients: one asyncio loop, no retries, bounded connections."""
