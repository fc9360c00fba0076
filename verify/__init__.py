"""What a valid ledger is: bytes in, verdict out.

Nothing here opens a socket, reads a clock, rolls a die, looks at the environment or writes a log.
`folder` alone reads an export's files, `pool` alone starts processes, and `command` is the command
around them. Nothing here makes a proof or a signature: that is `ledger`'s work, written another
way, so that one can catch the other. An auditor reads this folder alone.
"""
