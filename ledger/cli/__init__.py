"""The command line `counterfoil`, as far as it needs no server: keep, record, read, prove.

`api.command` adds the commands that serve, and gives the clock.
"""
