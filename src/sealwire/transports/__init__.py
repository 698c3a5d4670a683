"""How bytes travel: addresses, the server's loop, the client."""
