"""What a location should serve: Google's documents in, Envoy's resources out, as plain dicts.

Pure: no clock, no sockets, no store. `translate.translate` is the door.
"""
