"""The command line `counterfoil`, as far as it needs no server: keep, record, read, prove.

`api.__main__` adds the commands that serve, and gives the clock.
"""
