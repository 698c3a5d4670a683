"""The policy that ``sealwire policy init`` writes: what holds without one, and what could be."""

from __future__ import annotations

from typing import Final

STARTING_POLICY: Final = """\
# What messages may do to the logging of a service, whoever signed them. No message changes this
# file; the service reads it when it starts. Lines that begin with "#" show what could be said.
# In words: sealwire policy explain FILE

# Refuse every change until the service starts again. Going back and looking stay possible.
lock = false

# How many loggers messages may make in a process, which are never freed.
# max_new_loggers = 1000

# ---- what a configuration may contain: nothing that is not listed ------------------------------

[allow]
# Where handlers may write files. Give them a directory of its own, with nothing else in it.
directories = []
# extra_fields = ["request_id"]        # what your application adds to its records
# destinations = ["/dev/log"]          # where SysLogHandler may send: a socket, or ["host", port]
# externals = ["sys.stdout", "sys.stderr"]
# formatter_classes = ["app.JsonFormatter"]
# factories = ["app.make_handler"]      # called with whatever a message gives it
# attributes = ["logging.StreamHandler.terminator"]
# handler_classes = ["logging.StreamHandler", "logging.NullHandler"]
# max_handlers = 64
# max_loggers = 1000

# ---- what no message may lower -----------------------------------------------------------------

# Records of this logger and of everything beneath it, from this level on, reach these handlers.
# [floors.loggers."app.audit"]
# level = "INFO"
# handlers = ["audit"]

# What the handler has to be. Without class and target no request may define it anew.
# [floors.handlers.audit]
# class = "logging.FileHandler"
# target = "/var/log/app/audit.log"
# format = "%(asctime)s %(name)s %(message)s"

# ---- how loud loggers may become ---------------------------------------------------------------

# The logger itself, NAME.* for what is beneath it, * for all but the root, root.
# [ceilings]
# root = "INFO"

# ---- leases ------------------------------------------------------------------------------------

[lease]
longest = "4h"
# Loggers of yours that write secrets at DEBUG, besides the libraries that are known to.
secretive = []

# ---- who may do it -----------------------------------------------------------------------------

# Without roles everybody whom the service trusts may do everything that is allowed above. With
# roles, whoever has none may do nothing. Issuers are owners of keys; "*" is everybody else.
# [roles.on-call]
# issuers = ["alice", "bob"]
# verbs = ["lease", "revert", "status"]
# loggers = ["app", "app.*"]
# levels = ["DEBUG", "INFO"]
# max_lease = "30m"
# require_why = { lease = ["INC-"] }
#
# [roles.config]
# issuers = ["carol", "dave"]
# threshold = { apply = 2 }            # both have to sign
"""
