"""Several ledgers and loose evidence, none of them trusted, laid side by side as one chronology.

sources      each is audited by the kernel; what is not valid is refused
books        the sources of one ledger are held against each other: one book, or a fork
tellings     one event as one ledger tells it
parties      which labels of different ledgers are one party
decisions    what a person confirmed or rejected
comparing    two tellings held against each other
matches      what matching comes to
matching     which tellings are of one event, on what ground, and what speaks against it
rows         one row for each event, every telling of it, and where they differ
standings    where a request stands in each ledger
lacks        what one side has and another has not
reconciling  all of that, in order
result       it as one JSON value, the same for the same sources in any order
text         the same for people
package      a folder that the other side can run again
"""
