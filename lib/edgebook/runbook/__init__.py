"""Runs notebooks as one change: strict parameters, warm kernels, approval by hash, a sealed record.

papermill's own machinery executes and saves them; plain papermill and JupyterLab stay as good a way
to run each of them.
"""
