"""Moving live traffic: ladders of stages, each an ordinary plan with gate, soak and way back.

`ladder` and what it is made of are pure; `engine` carries a ladder out. Nothing outside this room
moves traffic. Where a move stands is read from live resources, never from a file of ours.
"""
