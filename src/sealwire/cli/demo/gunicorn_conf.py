"""gunicorn's configuration: the line that has every worker listen, and what this server is.

The demo lays a copy into the folder of the application, under the name ``gunicorn.conf.py``.
"""

from sealwire.integrations.gunicorn import listening

post_worker_init = listening("service.toml")

bind = "unix:http.sock"
graceful_timeout = 1
# gunicorn 25 and later would put a socket for its own control into the user's home.
control_socket_disable = True
