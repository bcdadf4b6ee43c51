"""What every room stands on: time, signals, folders, words, shapes of secrets, lines to paste."""
