"""Real traffic: Google's front end as Envoys, pods as sockets, probes as connections.

`plane.DataPlane` is the door of this room; World knows it as `world.dataplane`.
"""
