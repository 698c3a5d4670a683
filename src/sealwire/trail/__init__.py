"""The trail: a record of what was changed, refused and reverted, which shows if it was altered.

`segments` writes one, `verify` checks one offline; `records` and `events` are what stands in it,
`checkpoint` what is signed, `merkle` the tree that both rest on.
"""
