"""What connects a listener with other people's software; each module needs an extra of its name."""
