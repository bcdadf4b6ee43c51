"""kubectl's tables: columns, cells, texts."""
