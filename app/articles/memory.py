"""What a process keeps in memory because it is the same for many readers. Every key names a version (the edition of
the help centre, or a revision), so nothing here is ever out of date; it only gets forgotten."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from app.db import Database

V = TypeVar("V")


class Shelf:
    """At most `size` values, the least recently used forgotten first. Threads share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not here. Two threads may both make it; the result is the same."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast(V, self._values[key])
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value


class Memory:
    """The shelves of one process for one database."""

    def __init__(self) -> None:
        self.trees = Shelf(2)
        self.homes = Shelf(64)
        self.visited = Shelf(300)
        self.places = Shelf(8)
        self.glossaries = Shelf(4)
        self.pages = Shelf(300)
        self.synonyms = Shelf(2)
        self.synonyms_number = 0  # the state this process saw last


_memories: WeakKeyDictionary[Database, Memory] = WeakKeyDictionary()
_lock = threading.Lock()


def memory_of(database: Database) -> Memory:
    """The memory that belongs to a database."""
    with _lock:
        return _memories.setdefault(database, Memory())
