"""The rows of a user in all tables, and what the proof of an address changes in them."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import delete

from genkan.adapters import merge_profile
from genkan.adapters.passkeys import PROVIDER as PASSKEY
from genkan.adapters.second_factors import TOTP
from genkan.adapters.sqlalchemy.accounts import Accounts
from genkan.adapters.sqlalchemy.addresses.passwords import Passwords
from genkan.adapters.sqlalchemy.addresses.verifications import VerificationTables
from genkan.adapters.sqlalchemy.database import Database, Executor, UniqueViolation
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.second_factors.rows import SecondFactorRows
from genkan.adapters.sqlalchemy.tables import Tables
from genkan.adapters.sqlalchemy.users import IdGenerator, Users
from genkan.errors import AdapterError, OAuthAccountNotLinked
from genkan.spellings import email_spellings
from genkan.types import Account, User


class StoredUsers:
    """Changes of users. Each runs in the database session of the caller, and locks the rows of the users it changes.

    An address belongs to the user who has proven it. A user with an address that is not proven may be another person, who
    has signed up with it first. So the first proof removes with what that person could sign in later.
    """

    def __init__(self, database: Database, tables: Tables, accounts: Accounts, revocations: Revocations) -> None:
        self._database = database
        self.users = Users(tables.users)
        self.accounts = accounts
        self.passwords = Passwords(tables.passwords)
        self.verifications = VerificationTables(database, tables)
        self.second_factors = SecondFactorRows(tables)
        self.revocations = revocations
        self._authenticators, self._handles = tables.authenticators, tables.passkey_handles
        self._new_id = IdGenerator()

    def owner(self, session: Executor, provider: str, provider_account_id: str) -> User | None:
        """Return the user of an account, or None."""
        user_id = self.accounts.user_id_of_account(provider, provider_account_id)
        return self.users.find(session, self.users.table.c.id.in_(user_id))

    def holder(self, session: Executor, email: str | None) -> User | None:
        """Return the user who has this address, proven or not, and lock the row. None if there is none."""
        return self.users.find_by_email(session, email, lock=True) if email else None

    def insert(self, session: Executor, user: User, application_user: object = None) -> User:
        """Insert a user with a new id, and return it as stored.

        With a proven address, links and codes for it are deleted: another person may have signed up with it and waits.
        """
        if user.email and user.email_verified:
            self.verifications.delete_for(session, user.email)
        return self.users.insert(session, self._new_id(session, self.users.table, user.id), user, application_user)

    def add_account(self, session: Executor, user_id: str, account: Account) -> None:
        """Insert an account of this user."""
        id, now = self._new_id(session, self.accounts.table), int(self._database.now(session))
        self.accounts.insert(session, id, user_id, account, now)

    def remove_account(self, session: Executor, user_id: str, provider: str, provider_account_id: str) -> None:
        """Delete an account of this user. With a passkey also its row, and the trusted devices: it was a second factor."""
        self.accounts.unlink(session, provider, provider_account_id)
        if provider == PASSKEY:
            row = self._authenticators.c
            session.execute(delete(self._authenticators).where(row.credentialID == provider_account_id))
            self.second_factors.delete_devices(session, user_id)

    def create(
        self, session: Executor, user: User, account: Account, application_user: object = None
    ) -> tuple[User, bool]:
        """Insert the user with the account, or return the user of an account that exists. See `Adapter.create_user`."""
        # The account is looked up after the email address. A concurrent transaction commits both at once, so if it
        # commits between the two queries, the second one finds its account and no conflict of addresses is reported.
        holder = self.holder(session, user.email)
        owner = self.owner(session, account.provider, account.provider_account_id)
        if owner is not None and application_user is not None:
            # Of two users of the application, one would be left without an account.
            raise UniqueViolation("a concurrent sign-in has created the account")
        if owner is not None:
            return owner, False
        if holder is not None and (holder.email_verified or not user.email_verified):
            raise OAuthAccountNotLinked
        if holder is not None and application_user is None:
            if holder.disabled:
                return holder, False
            taken = self.take_over(session, holder, merge_profile(holder, user))
            self.add_account(session, taken.id, account)
            return taken, False
        if holder is not None:
            # The application has said that the address belongs to another one of its users.
            self.release_email(session, holder)
        created = self.insert(session, user, application_user)
        self.add_account(session, created.id, account)
        return created, True

    def refresh(self, session: Executor, user: User, account: Account) -> User:
        """Store what the provider sent at a later sign-in, and return the stored user. See `Adapter.refresh_user`."""
        stored = self.owner(session, account.provider, account.provider_account_id)
        if stored is None or stored.id != user.id:
            raise AdapterError("the user or the account is gone")
        updated = merge_profile(stored, user)
        if updated.email and (updated.email, updated.email_verified) != (stored.email, stored.email_verified):
            updated = self._take_email(session, updated.email, updated, stored)
        if is_first_proof(stored, updated) and self._has_other_ways(session, stored.id):
            self.take_over(session, stored, updated, keep=account)
        elif updated != stored:
            if updated.email and updated.email_verified and updated.email != stored.email:
                self.verifications.delete_for(session, updated.email)
            self._store(session, updated)
        self.accounts.update(session, account)
        return updated

    def take_over(self, session: Executor, stored: User, proven: User, *, keep: Account | None = None) -> User:
        """Store the user with the proven address, and remove everything that predates the proof. Returns the user.

        Removed are passwords, passkeys, second factors, accounts but `keep`, links and codes. Sessions are revoked.
        """
        self.users.lock(session, stored.id)
        self._remove_accounts(session, stored.id, keep)
        self.second_factors.delete(session, stored.id)
        self._remove_local(session, stored.id, proven.email)
        return self._store(session, proven)

    def claim_email(self, session: Executor, stored: User, proven: User) -> User:
        """Give the proven address of `proven` to a stored user who has proven none, as by `take_over`. Returns the user.

        Another user who has it unverified loses it. The stored user is returned unchanged if another one has proven it.
        """
        holder = self.holder(session, proven.email)
        if holder is not None and holder.id != stored.id:
            if holder.email_verified is not None:
                return stored
            self.release_email(session, holder)
        email = str(proven.email).lower()
        return self.take_over(session, stored, replace(stored, email=email, email_verified=proven.email_verified))

    def release_email(self, session: Executor, holder: User) -> None:
        """Remove the address from a user who has not proven it, with the password and the sessions.

        Accounts, passkeys and the second factor stay.
        """
        self.users.lock(session, holder.id)
        self.users.update(session, holder.id, {"email": None})
        self.second_factors.end_trust(session, holder.id)
        self._remove_local(session, holder.id, holder.email)

    def remove_added_since(self, session: Executor, user_id: str, time: int) -> list[str]:
        """Remove the ways to sign in that were added at this time or later: accounts, passkeys, second factors.

        Returns their providers, for a second factor TOTP. What Auth.js or an earlier release has added has no time, and
        stays.
        """
        row = self._authenticators.c
        is_new = (row.userId == user_id) & (row.created_at >= time)
        passkeys = delete(self._authenticators).where(is_new).returning(row.credentialID)
        ids = list(session.execute(passkeys).scalars())
        for id in ids:
            self.accounts.unlink(session, PASSKEY, id)
        linked = self.accounts.delete_linked_since(session, user_id, time)
        has_new_factor = self.second_factors.delete_added_since(session, user_id, time)
        return [PASSKEY] * len(ids) + linked + [TOTP] * has_new_factor

    def delete(self, session: Executor, id: str) -> None:
        """Delete the user with everything that belongs to the user, and revoke the sessions."""
        user = self.users.find(session, self.users.by_id(id), lock=True)
        self._remove_accounts(session, id)
        self.second_factors.delete(session, id)
        self._remove_local(session, id, user.email if user else None)
        session.execute(delete(self._handles).where(self._handles.c.user_id == id))
        self.users.delete(session, id)

    def _take_email(self, session: Executor, email: str, updated: User, stored: User) -> User:
        """Return the updated user, with the stored email address if the new one may not replace it (`refresh_user`)."""
        kept = replace(updated, email=stored.email, email_verified=stored.email_verified)
        if stored.email_verified and not is_same(stored.email, email) and self._has_other_ways(session, stored.id):
            # The address may be another account's, or the one that the user has proven here and signs in with.
            return kept
        holder = self.holder(session, email)
        if holder is not None and holder.id != stored.id:
            if holder.email_verified:
                return kept
            self.release_email(session, holder)
        return updated

    def _has_other_ways(self, session: Executor, user_id: str) -> bool:
        """Return True if a user with one account has another one, or signs in by mail or password as well."""
        return self.passwords.has_proven(session, user_id) or len(self.accounts.list_for(session, user_id)) > 1

    def _store(self, session: Executor, user: User) -> User:
        values = {"name": user.name, "email": user.email, "image": user.image, "emailVerified": user.email_verified}
        stored = self.users.update(session, user.id, values)
        if stored is None:
            raise AdapterError("the user is gone")
        return stored

    def _remove_accounts(self, session: Executor, user_id: str, keep: Account | None = None) -> None:
        self.accounts.delete_all(session, user_id, keep)
        session.execute(delete(self._authenticators).where(self._authenticators.c.userId == user_id))

    def _remove_local(self, session: Executor, user_id: str, email: str | None) -> None:
        self.passwords.delete(session, user_id)
        self.verifications.delete_of_user(session, user_id, email, undo_since=0)
        self.revocations.end_sessions(session, user_id)


def is_first_proof(stored: User, proven: User) -> bool:
    """Return True if the stored user has the address of `proven`, and it was not proven yet."""
    same = is_same(stored.email, proven.email or "")
    return bool(stored.email) and same and stored.email_verified is None and proven.email_verified is not None


def is_same(stored: str | None, email: str) -> bool:
    """Return True if this is the stored address, whose domain may be stored in Unicode."""
    return (stored or "").lower() in email_spellings(email)
