"""Every worker of an ASGI server listens: uvicorn, hypercorn, or gunicorn with uvicorn's workers.

    app = Listening(app)                  # any ASGI application
    app.add_middleware(Listening)         # FastAPI, Starlette

It goes by the lifespan of the application: when that has started, its worker listens, and when it
shuts down it does no more. The settings are those that ``$SEALWIRE_SETTINGS`` names, with ``workers
= true``; or ``settings`` names them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from sealwire.errors import SealwireError
from sealwire.integrations.starting import listen_here, stop_here

if TYPE_CHECKING:
    from sealwire.keyfiles import StrPath

# As ASGI says; `Any`, so that these are any framework's.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Listening:
    """An ASGI application around another one, which listens while that one runs."""

    def __init__(
        self, app: Application, settings: StrPath | None = None, *, required: bool = True
    ) -> None:
        """Go around an application.

        Args:
            app: the application.
            settings: the path of the service's settings; by default ``$SEALWIRE_SETTINGS``.
            required: whether a worker that cannot listen does not start; otherwise it logs an error
                on ``sealwire`` and serves.
        """
        self._app, self._settings, self._required = app, settings, required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; begin and end with the application's lifespan."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_and_follow(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                # Nobody is served yet, so nobody waits while keys are read.
                try:
                    listen_here(self._settings, required=self._required)
                except (SealwireError, OSError) as error:
                    failed = {"type": "lifespan.startup.failed", "message": str(error)}
                    await send(failed)
                    return
            elif message["type"].startswith("lifespan.shutdown."):
                stop_here()
            await send(message)

        await self._app(scope, receive, send_and_follow)
