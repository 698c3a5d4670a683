"""Programs that measure sealwire against the raw primitives and the standard library."""
