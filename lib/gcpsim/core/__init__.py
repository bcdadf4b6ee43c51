"""What every service stands on: time, tables of documents, refusals, discovery, faults."""
