"""The doors: command line, HTTP edge, proxy, stage door. Services do not know of them."""
