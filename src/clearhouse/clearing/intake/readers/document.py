"""A cursor over a JSON document that remembers what was used and gives back the rest.

In comes one parsed object; out come its fields by type. A field of another type than its format
says becomes a notice and counts as not used. What no reader asked for is returned by `rest`, under
its JSON pointer, so that nothing of a report is lost.

Source: RFC 6901.
"""

from collections.abc import Iterator

from clearhouse.clearing.intake.record import Notice
from clearhouse.formats.strict_json import Json, pointer_step

MAX_NOTICES = 50


class Node:
    """One object of a document. An absent object is an empty one."""

    def __init__(self, value: Json, place: str = "", notices: list[Notice] | None = None) -> None:
        self.members = value if isinstance(value, dict) else {}
        self.place = place
        self.notices: list[Notice] = [] if notices is None else notices
        self._used: set[str] = set()
        self._inner: dict[str, dict[int, Node]] = {}

    def __bool__(self) -> bool:
        return bool(self.members)

    def at(self, name: str) -> str:
        """Return the JSON pointer of a field."""
        return f"{self.place}/{pointer_step(name)}"

    def text(self, name: str) -> str | None:
        """Use a field that is text; blank text is absent."""
        value = self.members.get(name)
        if isinstance(value, str):
            self._used.add(name)
            return value.strip() or None
        self._unless_absent(name, value, "text")
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Use a field that is a list of texts, or one text."""
        value = self.members.get(name)
        if isinstance(value, str):
            value = [value]
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            self._used.add(name)
            return tuple(text for entry in value if (text := str(entry).strip()))
        self._unless_absent(name, value, "a list of texts")
        return ()

    def integer(self, name: str) -> int | None:
        """Use a field that is a whole number."""
        value = self.members.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            self._used.add(name)
            return value
        self._unless_absent(name, value, "a whole number")
        return None

    def node(self, name: str) -> "Node":
        """Enter a field that is an object."""
        value = self.members.get(name)
        if not isinstance(value, dict):
            self._unless_absent(name, value, "an object")
            return Node({}, self.at(name), self.notices)
        return self._entered(name, -1, value, self.at(name))

    def nodes(self, name: str) -> tuple["Node", ...]:
        """Enter a field that is a list of objects; other entries stay unused."""
        value = self.members.get(name)
        if not isinstance(value, list):
            self._unless_absent(name, value, "a list")
            return ()
        # An empty list says nothing that anybody could want back.
        self._inner.setdefault(name, {})
        return tuple(
            self._entered(name, index, entry, f"{self.at(name)}/{index}")
            for index, entry in enumerate(value)
            if isinstance(entry, dict)
        )

    def use(self, *names: str) -> None:
        """Count fields as used that need no reading."""
        self._used.update(names)

    def keep(self, *names: str) -> None:
        """Count fields as not used after all, so that they are given back."""
        self._used.difference_update(names)

    def is_text(self, name: str) -> bool:
        """Say whether a field is text, without using it."""
        return isinstance(self.members.get(name), str)

    def rest(self) -> dict[str, object]:
        """Return every field that nobody used, by its JSON pointer."""
        return dict(self.unused())

    def unused(self) -> Iterator[tuple[str, object]]:
        """Visit every field that nobody used, innermost objects included."""
        for name, value in self.members.items():
            # A null says nothing that anybody could want back.
            if name in self._used or value is None:
                continue
            inner = self._inner.get(name)
            if inner is None:
                yield self.at(name), value
            elif isinstance(value, list):
                for index, entry in enumerate(value):
                    if index in inner:
                        yield from inner[index].unused()
                    else:
                        yield f"{self.at(name)}/{index}", entry
            else:
                yield from inner[-1].unused()

    def _entered(self, name: str, index: int, value: Json, place: str) -> "Node":
        nodes = self._inner.setdefault(name, {})
        return nodes.setdefault(index, Node(value, place, self.notices))

    def _unless_absent(self, name: str, value: Json, wanted: str) -> None:
        if value is not None and len(self.notices) < MAX_NOTICES:
            self.notices.append(
                Notice(code="wrong_type", field=self.at(name), reason=f"is not {wanted}")
            )
