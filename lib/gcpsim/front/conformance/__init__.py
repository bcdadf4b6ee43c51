"""Is gcpsim as Google Cloud is? A fixed script of calls, recorded there and replayed here."""
