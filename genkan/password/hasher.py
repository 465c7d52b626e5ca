"""Hashes of passwords.

A password is normalised to NFKC before it is hashed and before it is compared. That can never change: stored hashes are
of the normalised text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from genkan.errors import ConfigurationError, InvalidPassword, ServerBusy
from genkan.password.werkzeug_hashes import WerkzeugHash

if TYPE_CHECKING:
    from argon2 import PasswordHasher as Argon2

MEMORY_KIB, ROUNDS, LANES = 19_456, 2, 1
"""Cost of a hash with Argon2id, as OWASP recommends: 19 MiB, two rounds, one thread."""

MAX_MEMORY_KIB, MAX_ROUNDS, MAX_LANES = 131_072, 10, 16
"""Highest cost that is accepted in a stored hash. A higher one would let a row of the table block a worker."""

MAX_BYTES = 1024
"""Length of a normalised password in UTF-8. A longer one is refused before it is hashed."""

_MAX_CHARACTERS = 4 * MAX_BYTES
"""Length of a password before it is normalised. No longer one has MAX_BYTES or less afterwards."""

MAX_CONCURRENT, MAX_WAIT = 1, 1.5
"""Hashes at a time in one process, and the seconds that a request waits for its turn. Each takes a whole core."""

_DUMMY = f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}$c2FsdHNhbHRzYWx0c2FsdA${'A' * 43}"
"""Hash that no password has. It takes as long as a real one."""


def normalize(password: str) -> str:
    """Return the password in Unicode's normal form NFKC: what is counted, hashed and compared.

    Raises InvalidPassword if it has more than MAX_BYTES or is no valid text.
    """
    if len(password) <= _MAX_CHARACTERS:
        normalized = unicodedata.normalize("NFKC", password)
        try:
            if len(normalized.encode()) <= MAX_BYTES:
                return normalized
        except UnicodeEncodeError:
            raise InvalidPassword("Use a password without broken characters.", reason="broken-characters") from None
    raise InvalidPassword(f"Use a password of at most {MAX_BYTES} bytes.", reason="too-long")


class PasswordHasher:
    """Hashes with Argon2id, and verifies hashes of Werkzeug too. At most `max_concurrent` hashes run at a time.

    Each running hash takes 19 MiB and one core, and other threads run meanwhile. A request waits `max_wait` seconds for
    its turn. Then ServerBusy is raised. Raises ConfigurationError if argon2-cffi is not installed.
    """

    def __init__(self, *, max_concurrent: int = MAX_CONCURRENT, max_wait: float = MAX_WAIT) -> None:
        self._argon2 = _argon2()
        self._slots = BoundedSemaphore(max_concurrent)
        self._max_wait = max_wait

    def hash(self, password: str) -> str:
        """Return the hash to store. Raises InvalidPassword as `normalize`, and ServerBusy."""
        normalized = normalize(password)
        with self._slot():
            return self._argon2.hash(normalized)

    def verify(self, hash: str | None, password: str) -> bool:
        """Return True if the hash is of this password. Raises ServerBusy.

        None, for an account that does not exist, and a value that is no hash take as long as a hash of `hash`. A password
        that can't be hashed is False for every account.
        """
        try:
            normalized = normalize(password)
        except InvalidPassword:
            return False
        foreign = WerkzeugHash.parse(hash) if hash else None
        with self._slot():
            if foreign is not None:
                # Werkzeug has hashed what was typed.
                return foreign.verify(password)
            if hash is None or not self._is_usable(hash):
                self._matches(_DUMMY, normalized)
                return False
            return self._matches(hash, normalized)

    def needs_rehash(self, hash: str) -> bool:
        """Return True if the hash has another format or another cost than a new one."""
        try:
            return self._argon2.check_needs_rehash(hash)
        except ValueError:
            return True

    def _matches(self, hash: str, password: str) -> bool:
        from argon2.exceptions import VerificationError  # noqa: PLC0415

        try:
            return self._argon2.verify(hash, password)
        except (VerificationError, ValueError):
            # The latter for a text that is no hash, such as one with characters beyond ASCII.
            return False

    @staticmethod
    def _is_usable(hash: str) -> bool:
        from argon2 import extract_parameters  # noqa: PLC0415

        try:
            cost = extract_parameters(hash)
        except ValueError:
            return False
        return cost.memory_cost <= MAX_MEMORY_KIB and cost.time_cost <= MAX_ROUNDS and cost.parallelism <= MAX_LANES

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._max_wait):
            raise ServerBusy("too many passwords are checked at the same time")
        try:
            yield
        finally:
            self._slots.release()


def _argon2() -> Argon2:
    # Imported here, because only applications with passwords have it, and it takes some time of a process.
    try:
        from argon2 import PasswordHasher as Argon2  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "AUTH_PASSWORDS: it needs the package argon2-cffi. Run pip install 'genkan[passwords]'."
        ) from None
    return Argon2(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES)
