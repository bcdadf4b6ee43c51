"""Google's services on the wire: requests, operations, refusals."""
