"""Users by the addresses that they have proven, and their passwords."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from genkan.adapters.addresses import ChangedUser, ProvenUser, Verification
from genkan.adapters.own_users import to_identity
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.adapter import SQLAlchemyAdapter
from genkan.adapters.sqlalchemy.application.own_users import SQLAlchemyOwnUsers
from genkan.adapters.sqlalchemy.application.refusals import RowRefused
from genkan.adapters.sqlalchemy.database import Database, Executor, UniqueViolation, adapter_errors
from genkan.adapters.sqlalchemy.stored_users import StoredUsers, is_first_proof, is_same
from genkan.errors import OAuthAccountNotLinked
from genkan.types import Account, Profile, User

PROVIDER = "email"
"""Provider of an identity that a proven address is. Its subject is the address."""

Result = TypeVar("Result")


class SQLAlchemyAddressStore:
    """Implementation of `genkan.adapters.addresses.AddressStore`."""

    def __init__(
        self,
        database: Database,
        stored: StoredUsers,
        adapter: SQLAlchemyAdapter,
        own_users: SQLAlchemyOwnUsers | None = None,
    ) -> None:
        self._database = database
        self._stored = stored
        self._adapter = adapter
        self._own_users = own_users

    def prove(self, user: User, profile: Profile, *, password: str | None = None) -> ProvenUser:
        """Return the stored user who has the proven address `user.email`. Create one if there is none."""
        if self._own_users is None:
            return self._run(lambda session: self._prove(session, user, password))
        self._forget_orphan(self._own_users, user)
        try:
            return self._prove_linked(self._own_users, user, profile, password)
        except (UniqueViolation, RowRefused) as error:
            # A concurrent proof of the same address may have created the same rows.
            holder = self._adapter.get_user_by_email(str(user.email))
            if isinstance(error, RowRefused) and (holder is None or holder.email_verified is None):
                raise
            return self._prove_linked(self._own_users, user, profile, password)

    def change_email(self, verification: Verification, *, remove_since: int = 0) -> ChangedUser | None:
        """Use the verification up, and store its address as the proven one of its user. None if either is gone."""
        with ignore_invalid_id():
            changed = self._run(lambda session: self._use_change(session, verification, remove_since))
            if changed is None or self._own_users is None:
                return changed
            user = self._own_users.describe(changed.user)
            return None if user is None else changed._replace(user=user)
        return None

    def password(self, user_id: str) -> str | None:
        """Return the hash of the user's password. None if the user has none."""
        with ignore_invalid_id(), self._database.read() as session:
            return self._stored.passwords.get(session, user_id)
        return None

    def set_password(self, user_id: str, hash: str, *, email: str | None = None) -> bool:
        """Store the hash in place of any other and return True. False if no user has that id, or not that address."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._set_password(session, user_id, hash, email))
        return False

    def replace_password(self, user_id: str, old: str | None, new: str, *, email: str) -> bool:
        """Store the hash `new` like `set_password`, unless the stored one is another than `old` by now."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._replace_password(session, user_id, old, new, email))
        return False

    def rehash_password(self, user_id: str, old: str, new: str) -> bool:
        """Replace the hash `old` of the same password by `new` and return True. False if it is another one by now."""
        with ignore_invalid_id():
            return self._database.run(lambda session: self._stored.passwords.replace(session, user_id, old, new))
        return False

    def _run(self, callback: Callable[[Session], Result]) -> Result:
        # After a conflict with a concurrent transaction, the second run finds the row that the other one has inserted.
        try:
            return self._database.run(callback)
        except UniqueViolation:
            return self._database.run(callback)

    def _prove(self, session: Session, user: User, password: str | None) -> ProvenUser:
        holder = self._stored.holder(session, user.email)
        if holder is None:
            created = self._stored.insert(session, user)
            self._stored.passwords.add_proof(session, created.id, password)
            return ProvenUser(created, is_new=True)
        return self._proven(session, holder, user, password)

    def _proven(self, session: Executor, stored: User, user: User, password: str | None) -> ProvenUser:
        """Return a stored user, whose row is locked, after the proof."""
        if stored.disabled:
            return ProvenUser(stored, is_new=False)
        removed = stored.email_verified is None
        if removed:
            stored = self._stored.claim_email(session, stored, user)
            if stored.email_verified is None:
                raise UniqueViolation("a concurrent call has proven the address")
        self._stored.passwords.add_proof(session, stored.id, password)
        return ProvenUser(stored, is_new=False, removed=removed)

    def _forget_orphan(self, own_users: SQLAlchemyOwnUsers, user: User) -> None:
        """Delete our user who has the proven address, if the application's user is gone."""
        stored = self._adapter.get_user_by_email(str(user.email))
        if stored is not None and own_users.describe(stored) is None:
            self._adapter.forget(own_users, stored.id)

    def _prove_linked(
        self, own_users: SQLAlchemyOwnUsers, user: User, profile: Profile, password: str | None
    ) -> ProvenUser:
        """Create or find the application's user in its own session, and our rows in the same transaction."""
        with own_users.transaction() as session, adapter_errors():
            connection, is_new = own_users.connection(session), False
            stored = self._stored.holder(connection, user.email)
            if stored is not None and stored.email_verified is not None:
                described = self._adapter.described(own_users, stored)
                proven = self._proven(connection, described, user, password)
            else:
                identity = to_identity(user, Account(PROVIDER, str(user.email), PROVIDER), profile)
                key, is_new = own_users.find_or_create(session, identity)
                # Again, because a hook may have committed, which ends the connection's transaction.
                proven = self._prove_for(own_users.connection(session), user, key, password)
        return proven._replace(user=self._adapter.described(own_users, proven.user), is_new=is_new)

    def _prove_for(self, connection: Executor, user: User, key: object, password: str | None) -> ProvenUser:
        """Give the address to our user who is linked to this primary key, or to a new one.

        Another user of ours who has it unverified loses it: the application has said that it belongs to this one. A
        user who has proven another address keeps that one.
        """
        stored = self._stored.users.find(connection, self._stored.users.by_application_user(key), lock=True)
        if stored is not None:
            return self._proven(connection, stored, user, password)
        holder = self._stored.holder(connection, user.email)
        if holder is not None and holder.email_verified is not None:
            raise UniqueViolation("a concurrent call has proven the address")
        if holder is not None:
            self._stored.release_email(connection, holder)
        created = self._stored.insert(connection, user, key)
        self._stored.passwords.add_proof(connection, created.id, password)
        return ProvenUser(created, is_new=True)

    def _use_change(self, session: Session, verification: Verification, remove_since: int) -> ChangedUser | None:
        used = self._stored.verifications.use(session, verification.identifier, verification.token_hash)
        if used is None or used.user_id is None:
            return None
        user = self._change_email(session, used.user_id, used.email.lower())
        if user is None:
            return None
        self._stored.second_factors.end_trust(session, user.id)
        self._stored.revocations.end_sessions(session, user.id)
        if used.purpose != "undo":
            return ChangedUser(user)
        self._stored.passwords.remove(session, user.id)
        self._stored.verifications.delete_of_user(session, user.id, None, undo_since=used.expires)
        return ChangedUser(user, tuple(self._stored.remove_added_since(session, user.id, remove_since)))

    def _change_email(self, session: Session, user_id: str, email: str) -> User | None:
        users = self._stored.users
        holder = self._stored.holder(session, email)
        stored = users.find(session, users.by_id(user_id), lock=True)
        if stored is None:
            return None
        if holder is not None and holder.id != stored.id:
            if holder.email_verified is not None:
                raise OAuthAccountNotLinked
            self._stored.release_email(session, holder)
        now = datetime.fromtimestamp(int(self._database.now(session)), UTC)
        changed = replace(stored, email=email, email_verified=now)
        if is_first_proof(stored, changed):
            taken = self._stored.take_over(session, stored, changed)
            self._stored.passwords.add_proof(session, taken.id)
            return taken
        self._stored.passwords.add_proof(session, stored.id)
        updated = users.update(session, stored.id, {"email": email, "emailVerified": now})
        for address in (stored.email, email):
            self._stored.verifications.delete_of_user(session, stored.id, address)
        self._stored.revocations.mark_changed(session, stored.id)
        return updated

    def _replace_password(self, session: Session, user_id: str, old: str | None, new: str, email: str) -> bool:
        users = self._stored.users
        # Locked before the password is read, so that no other call replaces it in between.
        users.find(session, users.by_id(user_id), lock=True)
        if self._stored.passwords.get(session, user_id) != old:
            return False
        return self._set_password(session, user_id, new, email)

    def _set_password(self, session: Session, user_id: str, hash: str, email: str | None) -> bool:
        users = self._stored.users
        user = users.find(session, users.by_id(user_id), lock=True)
        if user is None or (email is not None and not _has_proven(user, email)):
            return False
        self._stored.passwords.set(session, user.id, hash)
        self._stored.second_factors.end_trust(session, user.id)
        self._stored.verifications.delete_of_user(session, user.id, user.email)
        self._stored.revocations.end_sessions(session, user.id)
        return True


def _has_proven(user: User, email: str) -> bool:
    return is_same(user.email, email) and user.email_verified is not None
