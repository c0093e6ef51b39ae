"""SQL text analysis: which statements change settings or the session, and where a text ends transactions.

PostgreSQL's command tags tell most of what a statement does. A function that a SELECT calls has no tag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

# Command tags of statements that change the session, or may do so.
_LASTING = frozenset({"RESET", "LISTEN", "PREPARE", "LOAD", "DO", "CALL"})
_LONGEST_CACHED = 4000
"""Characters. Longer texts are rare, and take longer to execute than to analyse."""


class Effects(NamedTuple):
    """Effects that a text may have and that its command tags do not tell."""

    settings: bool
    """It changes a setting, for example the search path."""
    session: bool
    """It changes the session beyond the end of the transaction."""
    ends: bool
    """It ends a transaction and has more statements behind that."""


NO_EFFECTS = Effects(settings=False, session=False, ends=False)

# For texts in lower case. A plain search for one of the words comes first, since scripts of migrations are long.
_SET_CONFIG_LOCALLY = re.compile(r"\bset_config\s*\((?:[^()]|\([^()]*\))*,\s*true\s*\)")
_SESSION_WORDS = ("advisory_lock", "dblink_connect", "temp", "hold", "pg_settings")
_SESSION = re.compile(
    r"\bpg_(?:try_)?advisory_lock|\bdblink_connect|\bpg_temp\b|\bwith\s+hold\b|\bupdate\s[^;]*\bpg_settings\b"
    r"|\b(?:create|into)\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?(?:recursive\s+)?temp(?:orary)?\b"
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.S)
_MAY_END = re.compile(
    r"(?:^|;)(?:\s|--[^\n]*|/\*.*?\*/)*(?:commit|rollback|end|abort|prepare\s+transaction)\b[^;]*;", re.S
)
_DISCARD_ALL = re.compile(r"\s*DISCARD\s+ALL\s*;?\s*", re.I)


class SelfContainedScript(str):
    """A text that has the settings of its tenants itself, behind each end of a transaction."""

    __slots__ = ()


def effects_of(text: str) -> Effects:
    """Return the effects of a text with placeholders."""
    if isinstance(text, SelfContainedScript):
        return _read_effects(str(text))._replace(ends=False)
    return _cached_effects(text) if len(text) < _LONGEST_CACHED else _read_effects(text)


def _read_effects(text: str) -> Effects:
    text = text.lower()
    calls = text.count("set_config")
    effects = Effects(
        settings=calls > 0 or "pg_settings" in text,
        session=_has_session_words(text) or (calls > 0 and calls > len(_SET_CONFIG_LOCALLY.findall(text))),
        ends=";" in text and _MAY_END.search(text) is not None and any(_ends(text)),
    )
    return NO_EFFECTS if effects == NO_EFFECTS else effects  # the same object, so that callers can compare with `is`


def _has_session_words(text: str) -> bool:
    if not any(word in text for word in _SESSION_WORDS):
        return False
    # The words may have a comment between them; what looks like a comment may be part of a string.
    return any(_SESSION.search(each) for each in (text, _COMMENT.sub(" ", text)))


_cached_effects = lru_cache(maxsize=1024)(_read_effects)


def outlives_transaction(text: str, tags: Collection[str]) -> bool:
    """Return whether a text may have changed the session, given the command tags of its statements."""
    if not _LASTING.isdisjoint(tags):
        return True
    settings = list(tags).count("SET")
    return settings > 0 and settings > _number_of_local_settings(text)


def outlives_failure(text: str) -> bool:
    """Return whether a text may have changed the session that failed, or whose command tags are not known.

    An error undoes neither session locks nor prepared statements, nor what stood before a COMMIT.
    """
    places = _statements(text)
    first = next(places, None)
    return first is not None and (not _ONLY_ROWS.match(text, first) or next(places, None) is not None)


def _number_of_local_settings(text: str) -> int:
    if isinstance(text, SelfContainedScript):  # the migrator's: long, and parsing them took 0.5 ms a tenant
        return len(_LOCAL_SETTINGS.findall(text))
    return sum(_LOCAL_SETTING.match(text, place) is not None for place in _statements(text))


def is_discard_all(text: str) -> bool:
    return _DISCARD_ALL.fullmatch(text) is not None


# Comments, strings, quoted names and semicolons. A semicolon inside one of the others ends no statement.
_PIECE = re.compile(
    r"""
    --[^\n]* | /\*.*?\*/
    | (?<![\w$]) [eE] ' (?: [^'\\] | \\. | '' )* '
    | ' (?: [^'] | '' )* '
    | " (?: [^"] | "" )* "
    | (?<![\w$]) (?P<dollars> \$ (?: [^\W\d]\w* )? \$ ) .*? (?P=dollars)
    | ;
    """,
    re.X | re.S,
)
_LOCAL_SETTING = re.compile(r"SET\s+(?:LOCAL|TRANSACTION)\b", re.I)
_LOCAL_SETTINGS = re.compile(r"(?:^|;)\s*SET\s+(?:LOCAL|TRANSACTION)\b", re.I)
_ONLY_ROWS = re.compile(r"\(|(?:SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE|COPY)\b", re.I)
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*(PREPARE\s+TRANSACTION|\w+|\S|$)", re.I | re.S)
_BLANK = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.S)
_ENDING = {"COMMIT", "ROLLBACK", "END", "ABORT"}
# A function body in standard SQL has semicolons, and an END.
_ATOMIC_BODY = re.compile(r"\bBEGIN\s+ATOMIC\b", re.I)


def with_settings_after_ends(text: str, settings: str) -> str:
    """Return the text with `settings` behind each statement that ends a transaction, except behind the last one."""
    parts, begun = [], 0
    for position in _ends(text):
        parts += [text[begun:position], settings]
        begun = position
    return "".join([*parts, text[begun:]])


def _statements(text: str) -> Iterator[int]:
    """Yield the positions at which the statements of a text begin."""
    ends = (piece.end() for piece in _PIECE.finditer(text) if piece.group() == ";")
    for end in chain((0,), ends):
        begun = _BLANK.match(text, end)
        if begun is not None and begun.end() < len(text):
            yield begun.end()


def _ends(text: str) -> Iterator[int]:
    """Yield the positions behind statements that end a transaction and have more statements behind them."""
    begun, is_in_body = 0, False
    for piece in _PIECE.finditer(text):
        if piece.group() != ";":
            continue
        word = _first_word(text, begun)
        if is_in_body:
            is_in_body = word != "END"
        elif word == "CREATE":
            is_in_body = _ATOMIC_BODY.search(text, begun, piece.start()) is not None
        elif (word in _ENDING or word.startswith("PREPARE ")) and _first_word(text, piece.end()):
            yield piece.end()
        begun = piece.end()


def _first_word(text: str, begun: int) -> str:
    found = _FIRST_WORD.match(text, begun)
    return " ".join(found[1].upper().split()) if found else ""
