"""A request that is refused before anything looked at it."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send


class Refused(Exception):
    """The status, one sentence for the visitor, and after how many seconds the same may be asked again."""

    def __init__(self, status: int, sentence: str, after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.after = status, sentence, after

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say so."""
        headers = {"Cache-Control": "no-store"} | ({} if self.after is None else {"Retry-After": str(self.after)})
        await JSONResponse({"error": self.sentence}, self.status, headers)(scope, receive, send)
