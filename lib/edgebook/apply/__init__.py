"""From an approved plan to finished changes: order, gates, writers, the run itself."""
