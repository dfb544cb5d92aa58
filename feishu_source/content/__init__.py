"""What a message says: a body becomes text, columns, links and resources.

Comes in: a message type, the body string as the API gave it, the names of who is mentioned.
Goes out: one `Content`. Refuses to know: HTTP, dlt, Arrow, the clock, and any reason to raise.

`values` reads typed values, `text` finds mentions and links in running text, `post` and
`card` (with `card_tags`) render the two composed types, `bodies` holds one function per message
type and their table.
"""

from .bodies import parse_content
from .values import Content

__all__ = ["Content", "parse_content"]
