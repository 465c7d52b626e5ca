"""Hashes of passwords: normalisation, cost, limits, and hashes of Werkzeug."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, BrokenBarrierError

import pytest
from argon2 import PasswordHasher as Argon2
from werkzeug.security import generate_password_hash

from genkan.errors import InvalidPassword, ServerBusy
from genkan.password import hasher as module
from genkan.password.hasher import MAX_BYTES, PasswordHasher


def short(text: str) -> str:
    """Return the name of a parameter, which may be long."""
    return ascii(text[:20])


HASHER = PasswordHasher(max_wait=60)
PASSWORD = "correct horse battery"
HASH = HASHER.hash(PASSWORD)


def test_a_hash_is_of_argon2id_with_the_documented_cost() -> None:
    assert HASH.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert HASHER.verify(HASH, PASSWORD)
    assert not HASHER.verify(HASH, PASSWORD + "!")
    assert not HASHER.needs_rehash(HASH)
    assert HASHER.hash(PASSWORD) != HASH


# requirement K1
@pytest.mark.parametrize(
    "password", ["鍵" * 64, "пароль " * 10, "a" * MAX_BYTES, "👩‍👩‍👧‍👦" * 10, "  blanks at both ends  "],
    ids=short,
)  # fmt: skip
def test_long_passwords_of_any_script_are_compared_in_full(password: str) -> None:
    stored = HASHER.hash(password)

    assert HASHER.verify(stored, password)
    assert not HASHER.verify(stored, password[:-1])


# requirement K1
def test_passwords_with_the_same_first_72_bytes_differ() -> None:
    stored = HASHER.hash("x" * 72 + "a")

    assert not HASHER.verify(stored, "x" * 72 + "b")
    assert not HASHER.verify(stored, "x" * 72)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("pass\u00e9e partout", "passe\u0301e partout"),
        ("\uff50\uff41\uff53\uff53 \uff11", "pass 1"),
        ("\ufb01n", "fin"),
    ],
)
def test_passwords_with_equal_normal_forms_are_equal(stored: str, typed: str) -> None:
    assert HASHER.verify(HASHER.hash(stored), typed)
    assert HASHER.verify(HASHER.hash(typed), stored)


# requirement K1
@pytest.mark.parametrize(
    "password", ["x" * 10_000_000, "\u1e9b\u0323" * 5_000_000, "鍵" * 342, "\ufdfa" * 200], ids=short
)
def test_a_password_above_the_limit_is_refused_before_it_is_hashed(password: str) -> None:
    started = time.thread_time()
    with pytest.raises(InvalidPassword) as refused:
        HASHER.hash(password)

    assert refused.value.reason == "too-long"
    assert not HASHER.verify(HASH, password)
    assert not HASHER.verify(None, password)
    assert time.thread_time() - started < 0.2


def test_a_password_that_shrinks_below_the_limit_is_accepted() -> None:
    """Four bytes each become one."""
    assert HASHER.verify(HASHER.hash("\U0001d41a" * MAX_BYTES), "a" * MAX_BYTES)


def test_half_of_a_surrogate_pair_is_no_password() -> None:
    with pytest.raises(InvalidPassword):
        HASHER.hash("correct horse \ud83d")
    assert not HASHER.verify(HASH, "\ud83d")


WERKZEUG = {
    method: generate_password_hash("Passwo\u0301rd of old", method)
    for method in ("scrypt:1024:8:1", "scrypt", "pbkdf2:sha256:1000", "pbkdf2:sha512:1000", "pbkdf2:sha1:1000")
}


@pytest.mark.parametrize("method", WERKZEUG)
def test_hashes_of_werkzeug_are_verified_and_need_a_rehash(method: str) -> None:
    """They are of what was typed, which is not in the normal form."""
    assert HASHER.verify(WERKZEUG[method], "Passwo\u0301rd of old")
    assert not HASHER.verify(WERKZEUG[method], "Passwo\u0301rd of new")
    assert HASHER.needs_rehash(WERKZEUG[method])


SALT_AND_DIGEST = WERKZEUG["scrypt"].partition("$")[2]


@pytest.mark.parametrize(
    "stored",
    [
        "", "x", "!", "\x00", "é" * 10_000, "$argon2id$", HASH[:-4], HASH + "=", HASH.replace("v=19", "v=18"),
        "$argon2id$v=19$m=x,t=2,p=1$c2FsdHNhbHRzYWx0$AAAA", HASH.replace("$argon2id", "$argon2zz"),
        "$2b$12$" + "a" * 53, "plain$$Password", "pbkdf2:md5:1000$salt$" + "00" * 16, "pbkdf2:sha256$salt$00",
        f"scrypt:1000:8:1${SALT_AND_DIGEST}", f"scrypt:0:8:1${SALT_AND_DIGEST}", f"scrypt:1:8:1${SALT_AND_DIGEST}",
        f"scrypt:1024:8:1${SALT_AND_DIGEST[:-1]}", "scrypt:1024:8:1$$", WERKZEUG["scrypt"] + "\n",
        "scrypt:\uff12:8:1$a$" + "0" * 128, HASH.replace("m=19456", "m=-1"), HASH.replace("t=2", "t=0"), "pbkdf2:sha256:1000$salt$" + "0" * 41,
        # More than a worker should spend on one password.
        HASH.replace("m=19456", "m=4194304"), HASH.replace("m=19456", "m=99999999999999999999"),
        HASH.replace("t=2", "t=4000000"), HASH.replace("p=1", "p=255"),
        f"scrypt:1048576:8:1${SALT_AND_DIGEST}", f"scrypt:1024:8:99${SALT_AND_DIGEST}",
        "pbkdf2:sha256:99999999$salt$" + "00" * 32,
    ],
    # Numbers: a part of a hash is another one in each process, and workers of pytest-xdist compare the names.
    ids=map(str, count()),
)  # fmt: skip
def test_what_is_no_hash_or_costs_too_much_is_never_right(stored: str) -> None:
    started = time.perf_counter()

    assert not HASHER.verify(stored, PASSWORD)
    assert HASHER.needs_rehash(stored)
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize("stored", [HASH[:-1] + "é", HASH[:-5] + "\x00" + HASH[-4:]], ids=short)
def test_a_damaged_hash_is_never_right(stored: str) -> None:
    assert not HASHER.verify(stored, PASSWORD)


def test_another_cost_is_verified_and_needs_a_rehash() -> None:
    stored = Argon2(time_cost=1, memory_cost=1024, parallelism=2).hash(PASSWORD)

    assert HASHER.verify(stored, PASSWORD)
    assert HASHER.needs_rehash(stored)


# requirement K3
def test_without_a_hash_the_answer_is_no_and_takes_as_long() -> None:
    def seconds(stored: str | None) -> float:
        started = time.thread_time()
        assert not HASHER.verify(stored, "wrong password")
        return time.thread_time() - started

    trials = [(seconds(HASH), seconds(None), seconds("no hash")) for _ in range(9)]
    known, unknown, unusable = (sorted(times)[4] for times in zip(*trials, strict=True))

    assert unknown == pytest.approx(known, rel=0.25)
    assert unusable == pytest.approx(known, rel=0.25)


class _Counted:
    """Stands in the place of argon2-cffi's class and waits until `parties` calls run at the same time."""

    def __init__(self, parties: int) -> None:
        self.barrier = Barrier(parties)
        self.met = 0

    def hash(self, _password: str) -> str:
        try:
            self.barrier.wait(0.3)
        except BrokenBarrierError:
            return "alone"
        self.met += 1
        return "together"


@pytest.mark.parametrize(("allowed", "parties", "together"), [(2, 2, True), (2, 3, False)])
def test_a_process_hashes_a_bounded_number_at_a_time(allowed: int, parties: int, together: bool) -> None:
    hasher = PasswordHasher(max_concurrent=allowed, max_wait=60)
    counted = _Counted(parties)
    hasher._argon2 = counted  # type: ignore[assignment]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(hasher.hash, [PASSWORD] * 6))

    assert set(results) == {"together" if together else "alone"}


def test_a_request_that_waits_too_long_is_refused() -> None:
    hasher = PasswordHasher(max_concurrent=1, max_wait=0.01)
    with hasher._slot():
        for stored in (HASH, None, WERKZEUG["scrypt"]):
            with pytest.raises(ServerBusy):
                hasher.verify(stored, PASSWORD)
        with pytest.raises(ServerBusy):
            hasher.hash(PASSWORD)

    assert hasher.verify(HASH, PASSWORD)
    assert module.MAX_WAIT == 1.5
