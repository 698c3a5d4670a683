"""The command ``sealwire``: one module a command group. It needs the extra ``cli``."""
