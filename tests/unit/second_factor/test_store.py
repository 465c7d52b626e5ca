"""The store of second factors: what is bound to its owner, what is used once, and what ends with what."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import text

from genkan.adapters.second_factors import PendingSignIn, TrustedDevice
from genkan.adapters.sqlalchemy import Database
from genkan.types import Account, User
from tests.clock import FrozenClock
from tests.databases import stores_in
from tests.servers.parallel_processes import run_in_processes, use_same_factors
from tests.unit.second_factor.conftest import Users


def turn_on(users: Users, id: str, owner: str = "owner") -> None:
    """Turn the second factor of a user on, with the recovery codes `<id>-1` and `<id>-2`."""
    assert users.store.begin_totp(id, "secret", owner, 60)
    assert users.store.confirm_totp(id, "secret", owner, 5, [f"{id}-1", f"{id}-2"], replaces=False)


def pending(id_hash: str, user_id: str, clock: FrozenClock) -> PendingSignIn:
    """Return a sign-in that waits for ten minutes."""
    now = int(clock())
    return PendingSignIn(id_hash=id_hash, user_id=user_id, data="data", created=now, expires=now + 600)


def device(id: str, clock: FrozenClock) -> TrustedDevice:
    """Return a device with the token hash `hash-<id>`."""
    now = int(clock())
    return TrustedDevice(
        id=id, token_hash=f"hash-{id}", device="Firefox", created=now, last_used=now, expires=now + 100
    )


def number_of_winners(call: Callable[[int], object]) -> int:
    """Call the function twenty times in parallel. Return how many calls return a true value."""
    with ThreadPoolExecutor(10) as pool:
        return sum(map(bool, pool.map(call, range(20))))


def test_only_the_owner_of_a_pending_secret_confirms_it(users: Users, clock: FrozenClock) -> None:
    store, hana = users.store, users.hana
    assert store.totp(hana) is None
    store.begin_totp(hana, "first", "one", 60)
    store.begin_totp(hana, "second", "two", 60)
    stored = store.totp(hana)
    assert stored is not None
    assert (stored.secret, stored.pending_secret, stored.pending_owner) == (None, "second", "two")

    for user_id, secret, owner in (
        (hana, "first", "one"),
        (hana, "second", "one"),
        (hana, "first", "two"),
        (users.ada, "second", "two"),
    ):
        assert not store.confirm_totp(user_id, secret, owner, 5, ["code"], replaces=True)
    assert store.codes_left(hana) == 0
    assert store.confirm_totp(hana, "second", "two", 5, ["code"], replaces=False)
    stored = store.totp(hana)
    assert stored is not None
    assert (stored.secret, stored.last_step, stored.pending_secret) == ("second", 5, None)


def test_a_pending_secret_expires(users: Users, clock: FrozenClock) -> None:
    users.store.begin_totp(users.hana, "secret", "owner", 60)
    clock.advance(61)

    assert not users.store.confirm_totp(users.hana, "secret", "owner", 5, ["code"], replaces=True)
    stored = users.store.totp(users.hana)
    assert stored is not None
    assert stored.pending_secret is None


def test_a_secret_is_replaced_only_on_purpose(users: Users) -> None:
    turn_on(users, users.hana)
    users.store.begin_totp(users.hana, "new", "owner", 60)
    assert not users.store.confirm_totp(users.hana, "new", "owner", 6, ["code"], replaces=False)
    assert users.store.confirm_totp(users.hana, "new", "owner", 6, ["code"], replaces=True)

    assert not users.store.use_step(users.hana, "secret", 9)
    assert users.store.use_step(users.hana, "new", 9)
    assert users.store.codes_left(users.hana) == 1


def test_nothing_is_stored_for_a_user_who_is_gone(users: Users) -> None:
    for id in ("nobody", "\x00"):
        assert not users.store.begin_totp(id, "secret", "owner", 60)
        assert users.store.totp(id) is None
        assert not users.store.delete_totp(id)
        assert not users.store.replace_codes(id, ["code"])
        assert users.store.codes_left(id) == 0
        assert users.store.list_devices(id) == []


def test_a_step_counts_once_and_only_forwards(users: Users) -> None:
    turn_on(users, users.hana)
    assert [users.store.use_step(users.hana, "secret", step) for step in (5, 4, 7, 7, 6, 8)] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    assert not users.store.use_step(users.ada, "secret", 9)
    assert number_of_winners(lambda _: users.store.use_step(users.hana, "secret", 20)) == 1


def test_a_recovery_code_counts_once_and_for_its_user(users: Users) -> None:
    for id in (users.hana, users.ada):
        turn_on(users, id)
    code = f"{users.hana}-1"
    assert not users.store.use_code(users.ada, code)
    assert number_of_winners(lambda _: users.store.use_code(users.hana, code)) == 1
    assert users.store.codes_left(users.hana) == 1
    assert users.store.replace_codes(users.hana, ["x", "y", "z"])
    assert users.store.codes_left(users.hana) == 3
    assert not users.store.use_code(users.hana, f"{users.hana}-2")
    assert users.store.codes_left(users.ada) == 2


def test_parallel_new_codes_leave_those_of_one_call(users: Users) -> None:
    turn_on(users, users.hana)
    number_of_winners(lambda number: users.store.replace_codes(users.hana, [f"{number}-a", f"{number}-b"]))

    assert users.store.codes_left(users.hana) == 2


def test_a_waiting_sign_in_is_used_once(users: Users, clock: FrozenClock) -> None:
    users.store.add_pending(pending("one", users.hana, clock))
    assert users.store.pending("one") == pending("one", users.hana, clock)
    assert users.store.pending("two") is None

    assert number_of_winners(lambda _: users.store.use_pending("one")) == 1
    assert users.store.pending("one") is None


def test_attempts_are_counted_before_they_are_made(users: Users, clock: FrozenClock) -> None:
    users.store.add_pending(pending("one", users.hana, clock))
    assert number_of_winners(lambda _: users.store.count_attempt("one", 5)) == 5
    assert users.store.count_attempt("one", 5) is None
    assert users.store.count_attempt("two", 5) is None


def test_a_waiting_sign_in_and_a_device_expire(users: Users, clock: FrozenClock) -> None:
    users.store.add_pending(pending("one", users.hana, clock))
    users.store.trust(users.hana, device("a", clock))
    clock.advance(100)
    assert not users.store.use_device(users.hana, "hash-a")
    assert users.store.list_devices(users.hana) == []
    clock.advance(500)

    assert users.store.pending("one") is None
    assert users.store.count_attempt("one", 5) is None
    assert not users.store.use_pending("one")


def test_a_device_is_that_of_its_user(users: Users, clock: FrozenClock) -> None:
    users.store.trust(users.hana, device("a", clock))
    clock.advance(10)
    users.store.trust(users.hana, device("b", clock))
    assert not users.store.use_device(users.ada, "hash-a")
    assert not users.store.delete_device(users.ada, "a")
    assert [found.id for found in users.store.list_devices(users.hana)] == ["b", "a"]
    clock.advance(1)
    assert users.store.use_device(users.hana, "hash-a")
    assert [found.id for found in users.store.list_devices(users.hana)] == ["a", "b"]

    assert users.store.delete_device(users.hana, "a")
    assert not users.store.use_device(users.hana, "hash-a")


def test_what_ends_trust(users: Users, clock: FrozenClock) -> None:
    """Turning on ends trust except the own sign-in, and turning off ends all. Trust of other users stays."""
    for id in (users.hana, users.ada):
        users.store.trust(id, device(f"a{id}", clock))
        users.store.add_pending(pending(f"p{id}", id, clock))
    users.store.add_pending(pending("own", users.hana, clock))
    turn_on(users, users.hana, "own")
    assert users.store.list_devices(users.hana) == []
    assert users.store.pending(f"p{users.hana}") is None
    assert users.store.pending("own") is not None

    for id in ("b", "c"):
        users.store.trust(users.hana, device(id, clock))
    users.store.end_trust(users.hana, except_hash="hash-b")
    assert [found.id for found in users.store.list_devices(users.hana)] == ["b"]
    assert users.store.pending("own") is None
    assert users.store.delete_totp(users.hana)
    assert not users.store.delete_totp(users.hana)
    assert users.store.list_devices(users.hana) == []
    assert users.store.codes_left(users.hana) == 0
    assert len(users.store.list_devices(users.ada)) == 1
    assert users.store.pending(f"p{users.ada}") is not None


def test_of_four_processes_one_uses_each_code(database: Database, users: Users, clock: FrozenClock) -> None:
    """The processes have the clock of the database."""
    users.store.begin_totp(users.hana, "secret", "owner", 60)
    assert users.store.confirm_totp(
        users.hana, "secret", "owner", 5, [f"code-{number}" for number in range(25)], replaces=False
    )
    for number in range(25):
        users.store.add_pending(pending(f"pending-{number}", users.hana, clock))
    with database.write() as session:
        session.execute(text("UPDATE genkan_pending_sign_ins SET expires = 4000000000"))
    url = database.engine.url.render_as_string(hide_password=False)
    if database.engine.dialect.name == "sqlite":
        url = f"sqlite:///{(database.engine.url.database or '').removeprefix('file:')}"
    used = run_in_processes(partial(use_same_factors, user_id=users.hana), url)

    assert [tuple(map(sum, zip(*uses, strict=True))) for uses in zip(*used, strict=True)] == [(1, 1, 1)] * 25


def test_a_user_who_loses_an_unproven_address_keeps_the_second_factor(
    users: Users, database: Database, clock: FrozenClock
) -> None:
    """The user still signs in at the provider, so the proof of another person takes nothing else."""
    stores = stores_in(database)
    account = Account("hub", "aoi", "oidc")
    holder, _ = stores.adapter.create_user(User("", email="aoi@example.com"), account)
    turn_on(users, holder.id)
    users.store.trust(holder.id, device("laptop", clock))
    now = datetime.fromtimestamp(int(clock()), UTC)
    owner, _ = stores.adapter.create_user(User(""), Account("hub", "owner", "oidc"))
    proven = User(owner.id, email="aoi@example.com", email_verified=now)
    stores.adapter.refresh_user(proven, Account("hub", "owner", "oidc"))

    released = stores.adapter.get_user(holder.id)
    assert released is not None
    assert released.email is None
    totp = users.store.totp(holder.id)
    assert totp is not None
    assert totp.secret is not None
    assert users.store.codes_left(holder.id) == 2
    assert users.store.list_devices(holder.id) == []
