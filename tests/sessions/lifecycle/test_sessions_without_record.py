"""Sessions that another application created with the same secret."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from genkan.crypto.sealer import Sealer
from genkan.session import revoker
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.conftest import Environment
from tests.core import SECRET, with_callbacks
from tests.sessions.lifecycle.conftest import COOKIE, DAY, copy_of
from tests.tokens import jwe


class TestSessionsWithoutRecord:
    """Sessions that a Next.js application created with the same secret: tokens without a record."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "jwt"
        return "jwt"

    @pytest.fixture(name="foreign")
    def _foreign(self, app: Flask, environment: Environment, clock: FrozenClock) -> Browser:
        foreign = Browser(app)
        sealer = Sealer((environment["AUTH_SECRET"],), COOKIE, clock)
        token = sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        foreign.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        return foreign

    def test_the_user_is_signed_in(self, foreign: Browser) -> None:
        assert foreign.session()

    def test_a_copied_cookie_is_refused_after_sign_out(self, foreign: Browser) -> None:
        copy = copy_of(foreign)
        foreign.sign_out()
        assert copy.session() is None

    def test_the_original_cookie_is_refused_after_the_extended_one_is_revoked(
        self, foreign: Browser, clock: FrozenClock
    ) -> None:
        first = copy_of(foreign)
        for _ in range(3):
            clock.advance(DAY)
            foreign.session()
        assert foreign.cookie(COOKIE) != first.cookie(COOKIE)
        foreign.sign_out()
        assert first.session() is None

    @pytest.mark.parametrize("sid", [7, None, "x" * 1500, "half \ud83d", "nul \0", "of its own"])
    def test_a_sign_out_revokes_the_session_whatever_its_sid_claim_is(
        self, foreign: Browser, sid: object, clock: FrozenClock
    ) -> None:
        now = int(clock())
        claims = {"sub": "next-1", "name": "Grace", "sid": sid, "iat": now, "exp": now + 30 * DAY, "jti": "j"}
        foreign.client.set_cookie(COOKIE, jwe.seal_claims(claims, SECRET, COOKIE), domain="127.0.0.1")
        first = copy_of(foreign)
        clock.advance(DAY)
        assert foreign.session()
        foreign.sign_out()
        assert first.session() is None

    def test_a_jwt_callback_that_drops_all_claims_keeps_the_session_revocable(self, foreign: Browser) -> None:
        state = foreign.app.extensions["genkan"]
        anew = replace(state.core.callbacks, jwt=lambda params: {"sub": params.token["sub"]})
        state.core = with_callbacks(state.core, anew)
        copy = copy_of(foreign)
        assert copy.session()
        foreign.sign_out()
        assert copy.session() is None

    def test_revoking_all_sessions_of_the_user_does_not_prevent_a_new_one(
        self, foreign: Browser, clock: FrozenClock
    ) -> None:
        revoker.revoke_user("next-1", "owner", foreign.core.sessions)
        assert foreign.session() is None
        clock.advance(1)
        token = foreign.core.sessions.sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        foreign.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        assert foreign.session()

    def test_marking_an_unknown_user_as_changed_changes_nothing(self, foreign: Browser) -> None:
        revoker.mark_user_changed("next-1", foreign.core.sessions)
        session = foreign.session()
        assert session is not None
        assert session["user"]["name"] == "Grace"
