"""The pod farm: one process in which every simulated pod listens on a loopback address of its own.

`control` reads JSON lines from standard input and writes events to standard output; when input
ends, because gcpsim ended in whatever way, the farm ends. It knows nothing of Kubernetes or Google
Cloud: it is told who lives where, how they behave, and what to probe or forward. Imports stay
light, since its start is part of gcpsim's. What happens on a connection (slow answers, idle times,
NGINX's timeouts) takes real seconds, as it does at the front ends, whatever simulated time does.
"""
