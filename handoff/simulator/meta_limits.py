"""What Meta's Cloud API accepts as a message, checked field by field.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages (send, reply buttons, lists)
"""

from __future__ import annotations

from collections.abc import Mapping

type Json = Mapping[str, object]

TEXT = 4096
BUTTONS, BUTTON_TITLE, BUTTON_ID, BUTTON_BODY = 3, 20, 256, 1024
ROWS, SECTIONS, ROW_TITLE, ROW_TEXT, ROW_ID, LIST_BODY, LIST_BUTTON = 10, 10, 24, 72, 200, 4096, 20
SECTION_TITLE, FOOTER, HEADER = 24, 60, 60


class Refused(ValueError):
    """A request that Meta would refuse. `code` is theirs; the text names the field, never its content."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def child(item: Json, name: str) -> Json:
    """The object under `name`. Raises Refused when there is none."""
    value = item.get(name)
    if not isinstance(value, Mapping):
        raise Refused(131008, f"Parameter '{name}' is missing")
    return value


def children(item: Json, name: str, low: int, high: int) -> list[Json]:
    """The list of objects under `name`, of a length that is allowed. Raises Refused."""
    value = item.get(name)
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise Refused(131008, f"Parameter '{name}' is missing")
    if not low <= len(value) <= high:
        raise Refused(131009, f"'{name}' must have between {low} and {high} items")
    return value


def string(item: Json, name: str, longest: int, *, needed: bool = True) -> str:
    """The text under `name`, within its length in characters. Raises Refused."""
    value = item.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not value.strip():
        raise Refused(131008, f"Parameter '{name}' is missing")
    if len(value) > longest:
        raise Refused(131009, f"'{name}' is longer than {longest} characters")
    return value


def check_text(message: Json) -> str:
    """The body of a text message. Raises Refused."""
    return string(child(message, "text"), "body", TEXT)


def check_interactive(message: Json) -> tuple[str, list[tuple[str, str, str]], str]:
    """(body, [(id, title, description)], label that opens the list) of buttons or a list. Raises Refused."""
    interactive = child(message, "interactive")
    action = child(interactive, "action")
    _check_frame(interactive)
    kind = interactive.get("type")
    body = child(interactive, "body")
    if kind == "button":
        return string(body, "text", BUTTON_BODY), _buttons(action), ""
    if kind == "list":
        return string(body, "text", LIST_BODY), _rows(action), string(action, "button", LIST_BUTTON)
    raise Refused(131009, "'interactive.type' is not one that this stand-in knows")


def _check_frame(interactive: Json) -> None:
    if "footer" in interactive:
        string(child(interactive, "footer"), "text", FOOTER)
    if "header" in interactive:
        string(child(interactive, "header"), "text", HEADER)


def _buttons(action: Json) -> list[tuple[str, str, str]]:
    found = []
    for button in children(action, "buttons", 1, BUTTONS):
        if button.get("type") != "reply":
            raise Refused(131009, "'buttons.type' must be reply")
        reply = child(button, "reply")
        found.append((string(reply, "id", BUTTON_ID), string(reply, "title", BUTTON_TITLE), ""))
    return _distinct(found, titles=True)


def _rows(action: Json) -> list[tuple[str, str, str]]:
    sections = children(action, "sections", 1, SECTIONS)
    found = []
    for section in sections:
        string(section, "title", SECTION_TITLE, needed=len(sections) > 1)
        for row in children(section, "rows", 1, ROWS):
            text = string(row, "description", ROW_TEXT, needed=False)
            found.append((string(row, "id", ROW_ID), string(row, "title", ROW_TITLE), text))
    if len(found) > ROWS:
        raise Refused(131009, f"more than {ROWS} rows in all sections")
    return _distinct(found, titles=False)


def _distinct(found: list[tuple[str, str, str]], *, titles: bool) -> list[tuple[str, str, str]]:
    for place, name in ((0, "id"), (1, "title")):
        values = [each[place] for each in found]
        if len(set(values)) < len(values) and (titles or name == "id"):
            raise Refused(131009, f"every '{name}' must be different")
    return found
