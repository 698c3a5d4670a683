"""``sealwire demo``: the whole way of a message, on real processes."""

from sealwire.cli.demo.command import demo

__all__ = ["demo"]
