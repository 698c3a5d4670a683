"""sealwire beside other ways of sealing a 4 KiB configuration: `make bench-peers`."""
