"""Another person in the user's session can't take the link that undoes a change of the address from its owner."""

from __future__ import annotations

from tests.browser import Browser
from tests.email.mails import link
from tests.email.proof.site import Site, fields_of, new_address


def change_address(site: Site, thief: Browser, email: str) -> None:
    """Change the address of the signed-in user to one of the thief's."""
    thief.submit("/account/address", email=email)
    thief.post("/account/address/confirm", data=fields_of(thief.get(link(site.mails_to(email)[0]))))
    session = thief.session()
    assert session is not None
    assert session["user"]["email"] == email


def undo(site: Site, url: str) -> int:
    browser = site.browser()
    return browser.post("/account/address/undo", data=fields_of(browser.get(url))).status_code


def test_wrong_codes_do_not_delete_it(site: Site) -> None:
    email = new_address()
    thief = site.sign_up(email)
    thief.submit("/api/auth/signin/email", email=email)
    thief.submit("/account/address", email=new_address("other"))
    url = link(site.mails_to(email)[0])
    for _ in range(5):
        thief.submit("/api/auth/callback/email", code="12")
    assert "address/undo" in url
    assert site.browser().get(url).status_code == 200


def test_that_of_a_later_change_does_not_delete_it(site: Site) -> None:
    email, second = new_address(), new_address("other")
    thief = site.sign_up(email)
    site.clock.advance(1)
    change_address(site, thief, second)
    url = link(site.mails_to(email)[0])
    thief.submit("/account/address", email=new_address("other"))
    assert undo(site, link(site.mails_to(second)[0])) == 303

    assert undo(site, url) == 303
    user = site.core.adapter.get_user_by_email(email)
    assert user is not None
    assert site.core.adapter.get_user_by_email(second) is None


def test_it_deletes_those_of_later_changes(site: Site) -> None:
    email, second = new_address(), new_address("other")
    thief = site.sign_up(email)
    site.clock.advance(1)
    change_address(site, thief, second)
    thief.submit("/account/address", email=new_address("other"))

    assert undo(site, link(site.mails_to(email)[0])) == 303
    assert site.browser().get(link(site.mails_to(second)[0])).status_code == 302


def test_a_failure_of_the_database_leaves_the_link_and_the_address(site: Site) -> None:
    email, second = new_address(), new_address("other")
    thief = site.sign_up(email)
    site.clock.advance(1)
    change_address(site, thief, second)
    url = link(site.mails_to(email)[0])

    with site.failing("revocations"):
        assert undo(site, url) == 303
    assert site.core.adapter.get_user_by_email(email) is None
    assert thief.session() is not None

    undo(site, url)
    assert site.core.adapter.get_user_by_email(email) is not None
    site.clock.advance(1)
    assert thief.session() is None


def test_a_session_that_has_ended_on_another_worker_confirms_no_address(site: Site) -> None:
    email, other = new_address(), new_address("other")
    thief = site.sign_up(email)
    thief.submit("/account/address", email=other)
    fields = fields_of(thief.get(link(site.mails_to(other)[0])))
    user = site.core.adapter.get_user_by_email(email)
    assert user is not None
    # As another worker does, so that the list of this one does not have it yet.
    site.core.sessions.store.revoke_user(user.id, except_sid=None, except_started_at=0)

    thief.post("/account/address/confirm", data=fields)
    assert site.core.adapter.get_user_by_email(other) is None
    assert thief.session() is None
