"""What can be read off the text of a statement: what it leaves behind, and where it ends transactions.

Most of what a statement does is told by PostgreSQL's command tags. A function that is called in a SELECT has no tag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

# PostgreSQL's command tags of what leaves something in the session, or may do so.
_LASTING = frozenset({"RESET", "LISTEN", "PREPARE", "LOAD", "DO", "CALL"})
_LONGEST_KEPT = 4000
"""Characters of a text whose effects are remembered. Longer ones are rare, and take longer to execute than to read."""


class Effects(NamedTuple):
    """Effects of a text that its command tags do not tell."""

    settings: bool
    """It may change a setting, the search path among them."""
    session: bool
    """It may leave something in the session that outlives the transaction."""
    ends: bool
    """It may end a transaction and go on behind that."""


NO_EFFECTS = Effects(settings=False, session=False, ends=False)

# Looked for in lower case, and after a plain search for a word of theirs: scripts of migrations are long.
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
    """A text that brings the tenants' settings itself, behind each end of a transaction in it."""

    __slots__ = ()


def effects_of(text: str) -> Effects:
    """Return the effects of a text, before parameters are merged into it."""
    if isinstance(text, SelfContainedScript):
        return _read_effects(str(text))._replace(ends=False)
    return _cached_effects(text) if len(text) < _LONGEST_KEPT else _read_effects(text)


def _read_effects(text: str) -> Effects:
    text = text.lower()
    calls = text.count("set_config")
    effects = Effects(
        settings=calls > 0 or "pg_settings" in text,
        session=_has_session_words(text) or (calls > 0 and calls > len(_SET_CONFIG_LOCALLY.findall(text))),
        ends=";" in text and _MAY_END.search(text) is not None and any(_ends(text)),
    )
    return NO_EFFECTS if effects == NO_EFFECTS else effects  # one of them, to be told from others at once


def _has_session_words(text: str) -> bool:
    if not any(word in text for word in _SESSION_WORDS):
        return False
    # A comment may stand between the words, and what looks like one may be in a string.
    return any(_SESSION.search(each) for each in (text, _COMMENT.sub(" ", text)))


_cached_effects = lru_cache(maxsize=1024)(_read_effects)


def outlives_transaction(text: str, tags: Collection[str]) -> bool:
    """Tell whether a text, whose statements have given the command tags `tags`, may leave something in the session."""
    if not _LASTING.isdisjoint(tags):
        return True
    settings = list(tags).count("SET")
    return settings > 0 and settings > _number_of_local_settings(text)


def outlives_failure(text: str) -> bool:
    """Tell whether a text of which no tags are known may leave something in the session.

    An error takes back neither locks nor prepared statements, nor what was before a COMMIT.
    """
    places = _statements(text)
    first = next(places, None)
    return first is not None and (not _ONLY_ROWS.match(text, first) or next(places, None) is not None)


def _number_of_local_settings(text: str) -> int:
    if isinstance(text, SelfContainedScript):  # the migrator's, which are long: taking them apart took 0.5 ms a tenant
        return len(_LOCAL_SETTINGS.findall(text))
    return sum(_LOCAL_SETTING.match(text, place) is not None for place in _statements(text))


def is_discard_all(text: str) -> bool:
    """Tell whether a text is DISCARD ALL."""
    return _DISCARD_ALL.fullmatch(text) is not None


# A semicolon inside any of the others separates nothing.
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
# The body of a function that is written in the standard's way has semicolons, and an END.
_ATOMIC_BODY = re.compile(r"\bBEGIN\s+ATOMIC\b", re.I)


def with_settings_after_ends(text: str, settings: str) -> str:
    """Return a text in which `settings` follow each statement that ends a transaction and is not the last."""
    parts, begun = [], 0
    for position in _ends(text):
        parts += [text[begun:position], settings]
        begun = position
    return "".join([*parts, text[begun:]])


def _statements(text: str) -> Iterator[int]:
    """Yield the places at which the statements of a text begin."""
    ends = (piece.end() for piece in _PIECE.finditer(text) if piece.group() == ";")
    for end in chain((0,), ends):
        begun = _BLANK.match(text, end)
        if begun is not None and begun.end() < len(text):
            yield begun.end()


def _ends(text: str) -> Iterator[int]:
    """Yield the places behind the semicolons of statements that end a transaction, if there is something behind."""
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
