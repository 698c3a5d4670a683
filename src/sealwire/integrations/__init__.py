"""What connects a listener with other people's software.

None of these modules is imported by itself, and each imports what it connects with, if it has to.
"""
