"""`flask genkan users remove-passkey`: an operator lists and removes the passkeys of a user."""

from __future__ import annotations

from flask import Flask

from genkan.adapters.passkeys import PROVIDER
from genkan.types import User
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.email.mails import mails
from tests.passkeys.ceremonies import add_passkey, error_of, sign_in, stored_id

ADDRESS = "hana@example.com"


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["users", "remove-passkey", ADDRESS, *arguments])
    return result.exit_code, result.output


def test_an_operator_lists_and_removes_passkeys(make_app: MakeApp) -> None:
    """As the user does on the page: with the account, an entry in the activity, and a mail."""
    app = make_app(AUTH_URL="http://localhost:8000", AUTH_PASSKEYS="on")
    browser = Browser(app)
    browser.sign_in()
    first, second = (stored_id(add_passkey(browser).id) for _ in range(2))
    browser.submit("/account/passkeys/rename", id=first, name="Blue key")
    code, listed = run(app)
    found = {line.split("\t")[0]: line.split("\t")[1:] for line in listed.splitlines()}
    assert code == 0
    assert found[first] == ["Blue key", "synced", "2026-11-18T11:06:40Z", "-"]
    assert set(found) == {first, second}

    assert run(app, "AAAA") == (1, f"Error: {ADDRESS} has no passkey with this id. Leave it out to list them.\n")
    assert run(app, first) == (0, f"The passkey of {ADDRESS} has been removed.\n")
    assert [line.split("\t")[0] for line in run(app)[1].splitlines()] == [second]
    assert mails(app)[0].subject == "A passkey was removed from your account at localhost:8000"
    assert "Removed a passkey" in browser.get("/account").text
    user_id = str(browser.session()["user"]["id"])  # type: ignore[index]
    accounts = browser.core.adapter.list_accounts(user_id)
    assert [found.provider_account_id for found in accounts if found.provider == PROVIDER] == [second]


def test_the_last_way_to_sign_in_needs_an_option(make_app: MakeApp) -> None:
    app = make_app(AUTH_URL="http://localhost:8000", AUTH_PASSKEYS="on")
    browser = Browser(app)
    browser.sign_in()
    authenticator = add_passkey(browser)
    core, user = browser.core, browser.core.adapter.get_user_by_email(ADDRESS)
    assert isinstance(user, User)
    with core.adapter._database.write() as session:
        core.adapter.stored.users.update(session, user.id, {"emailVerified": None})
    (subject,) = (found.provider_account_id for found in core.adapter.list_accounts(user.id) if found.type == "oidc")
    assert core.adapter.unlink_account(user.id, "development", subject, enabled_providers={PROVIDER})
    id = stored_id(authenticator.id)

    assert run(app, id) == (
        1,
        f"Error: {ADDRESS} can't sign in without this passkey. If that is intended, add --last.\n",
    )
    assert error_of(sign_in(Browser(app), authenticator)) is None
    assert run(app, id, "--last")[0] == 0
    assert core.adapter.list_accounts(user.id) == []
    assert error_of(sign_in(Browser(app), authenticator)) == "Configuration"


def test_without_passkeys_it_says_which_setting_is_missing(make_app: MakeApp) -> None:
    app = make_app(AUTH_URL="http://localhost:8000")
    Browser(app).sign_in()

    assert "Set AUTH_PASSKEYS=on" in run(app)[1]
