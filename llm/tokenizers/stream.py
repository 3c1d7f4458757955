"""Text from tokens as they come, never showing half a character or the start of a stop text."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from llm.tokenizers.base import Tokenizer


class TextStream:
    """Turns ids into text one at a time: `push` each id, `flush` at the end.

    Everything returned, joined, is the decoded text up to the first stop text (which is left out).
    Of several stop texts the one that is complete first ends the stream, so that the result does
    not depend on how tokens cut the text. Pieces come from the tokens' bytes: a word tokenizer's
    stream keeps its last space.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        if not all(stop):
            raise ValueError("A stop text is empty; remove it.")
        self._tokenizer = tokenizer
        self._stop = tuple(stop)
        # It keeps the first bytes of a character until the last one comes.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False
        """Whether a stop text was met; from then on nothing more comes out."""

    def push(self, id: int) -> str:
        """The text that this token completes; it can be empty."""
        return self._release(self._tokenizer.token_bytes(id), final=False)

    def flush(self) -> str:
        """What was still held back; an unfinished character becomes U+FFFD."""
        return self._release(b"", final=True)

    def _release(self, data: bytes, final: bool) -> str:
        if self.stopped:
            return ""
        text = self._held + self._decoder.decode(data, final)
        found = [(start + len(s), start) for s in self._stop if (start := text.find(s)) >= 0]
        if found:
            self.stopped = True
            keep = min(found)[1]
        else:
            keep = len(text) if final else len(text) - self._longest_start_of_stop(text)
        self._held = "" if self.stopped else text[keep:]
        return text[:keep]

    def _longest_start_of_stop(self, text: str) -> int:
        """Length of the longest end of `text` that could still grow into a stop text."""
        longest = max((len(s) for s in self._stop), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(s.startswith(text[-length:]) for s in self._stop):
                return length
        return 0
