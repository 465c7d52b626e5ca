"""Development provider: sign-in pages, ID tokens, and where it is refused."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from authlib.integrations.requests_client import OAuth2Session

from genkan.dev_provider import CLIENT_ID
from genkan.dev_provider.endpoints import DevelopmentProvider
from genkan.dev_provider.users import PRESETS, DevUser
from genkan.errors import ConfigurationError
from genkan.oauth.transport.network import WSGIAdapter
from tests.servers.development import CALLBACK, ISSUER, NOON, ROOT, SECRET, URL, VERIFIER, UsedIds, Worker, sent_back


@pytest.fixture(name="worker")
def _worker() -> Worker:
    return Worker()


class TestSignIn:
    def test_the_metadata_lists_endpoints_below_the_issuer(self, worker: Worker) -> None:
        metadata = worker.browser.get("/development/.well-known/openid-configuration").get_json()

        assert metadata["issuer"] == ISSUER
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        assert metadata["authorization_response_iss_parameter_supported"] is True
        endpoints = {name: value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
        assert len(endpoints) == 5
        assert all(value.startswith(f"{ISSUER}/") for value in endpoints.values())

    def test_the_page_names_the_development_provider_and_lists_test_users(self, worker: Worker) -> None:
        page = worker.authorize()

        assert page.status_code == 200
        assert "This is the development identity provider" in page.text
        for candidate in PRESETS.values():
            assert candidate.name in page.text
            assert candidate.email.endswith("@example.com")
        assert any(not candidate.name.isascii() for candidate in PRESETS.values())

    def test_the_page_works_without_scripts_and_inline_styles(self, worker: Worker) -> None:
        page = worker.authorize().text

        assert "<script" not in page
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|\shx-", page)

    def test_a_choice_redirects_with_code_state_and_issuer(self, worker: Worker) -> None:
        response = sent_back(worker.choose("hana"))

        assert response.keys() == {"code", "state", "iss"}
        assert (response["state"], response["iss"]) == ("the-state", ISSUER)

    def test_the_longest_valid_response_fits_a_request_line(self, worker: Worker) -> None:
        picture = "https://example.com/" + "p" * 492
        page = worker.authorize(state="s" * 200, nonce="n" * 200)
        email = f"{'e' * 60}@{'d' * 180}.com"
        response = worker.answer(page, choice="typed", name="例" * 100, email=email, picture=picture)

        assert sent_back(response)["code"]
        assert len(response.headers["Location"]) < 4000

    def test_the_id_token_has_all_claims(self, worker: Worker) -> None:
        response = worker.exchange(worker.code(scope="openid email profile", choice="zoe"))
        tokens = response.get_json()
        claims = worker.claims(tokens["id_token"])

        half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
        assert claims == {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "iat": NOON,
            "exp": NOON + 3600,
            "auth_time": NOON,
            "nonce": "the-nonce",
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "sub": DevUser("ZOE@example.com").subject,
            "email": "zoe@example.com",
            "email_verified": True,
            "name": PRESETS["zoe"].name,
            "picture": f"{ISSUER}/pictures/zoe.svg",
        }
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
        assert "refresh_token" not in tokens

    def test_one_user_has_an_address_that_is_not_verified(self, worker: Worker) -> None:
        page = worker.authorize().text
        claims = worker.claims(worker.exchange(worker.code(choice="uma")).get_json()["id_token"])

        assert "Uma Unverified" in page
        assert "an address that is not verified" in page
        assert (claims["email"], claims["email_verified"]) == ("uma@example.com", False)
        assert [user.key for user in PRESETS.values() if not user.email_verified] == ["uma"]

    def test_a_typed_address_can_be_unverified_and_is_then_another_user(self, worker: Worker) -> None:
        subjects = []
        for fields, verified in (({}, True), ({"unverified": "1"}, False)):
            answer = worker.choose("typed", email="hana@example.com", **fields)
            tokens = worker.exchange(sent_back(answer)["code"]).get_json()
            claims = worker.userinfo(tokens["access_token"]).get_json()
            assert claims["email_verified"] is verified
            subjects.append(claims["sub"])

        assert subjects == [DevUser("hana@example.com").subject, DevUser("hana@example.com", None, None, False).subject]
        assert len(set(subjects)) == 2

    def test_the_id_token_names_the_published_key(self, worker: Worker) -> None:
        id_token = worker.exchange(worker.code()).get_json()["id_token"]
        header = base64.urlsafe_b64decode(id_token.partition(".")[0] + "==")
        (key,) = worker.browser.get("/development/jwks").get_json()["keys"]

        assert f'"kid":"{key["kid"]}"' in header.decode().replace(" ", "")
        assert '"alg":"ES256"' in header.decode().replace(" ", "")
        assert "d" not in key

    def test_a_typed_user_signs_in_with_the_typed_claims(self, worker: Worker) -> None:
        typed = {"name": " Mx. Typed ", "email": "typed@example.com", "picture": "https://example.com/a.png"}
        code = sent_back(worker.choose("typed", **typed))["code"]
        claims = worker.claims(worker.exchange(code).get_json()["id_token"])

        assert claims["name"] == "Mx. Typed"
        assert (claims["email"], claims["picture"]) == (typed["email"], typed["picture"])

    def test_a_name_and_a_picture_that_were_not_typed_are_left_out(self, worker: Worker) -> None:
        code = sent_back(worker.choose("typed", email="typed@example.com"))["code"]
        claims = worker.claims(worker.exchange(code).get_json()["id_token"])

        assert not {"name", "picture"} & claims.keys()

    @pytest.mark.parametrize(
        "typed",
        [
            {"email": ""},
            {"email": "nobody"},
            {"email": "two@signs@example.com"},
            {"email": "a b@example.com"},
            {"email": "a@" + "d" * 300},
            {"name": "n" * 101},
            {"picture": "javascript:alert(1)"},
            {"picture": "https://example.com/" + "p" * 512},
        ],
    )
    def test_invalid_fields_are_shown_again_with_an_error(self, worker: Worker, typed: dict[str, str]) -> None:
        fields = {"name": "Kept Name", "email": "kept@example.com", "picture": "", **typed}
        page = worker.choose("typed", **fields)

        assert page.status_code == 400
        assert 'role="alert"' in page.text
        assert f'value="{fields["name"]}"' in page.text
        assert worker.answer(page, choice="hana").status_code == 303

    def test_the_login_hint_is_in_the_email_field(self, worker: Worker) -> None:
        assert 'value="hint@example.com"' in worker.authorize(login_hint="hint@example.com").text

    def test_refusing_redirects_with_access_denied(self, worker: Worker) -> None:
        response = sent_back(worker.choose("refuse"))

        assert (response["error"], response["state"], response["iss"]) == ("access_denied", "the-state", ISSUER)
        assert "code" not in response

    @pytest.mark.parametrize("parameters", [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "login consent"}])
    def test_a_request_for_fresh_authentication_is_honoured(self, worker: Worker, parameters: dict[str, str]) -> None:
        page = worker.authorize(**parameters)
        claims = worker.claims(
            worker.exchange(sent_back(worker.answer(page, choice="hana"))["code"]).get_json()["id_token"]
        )

        assert claims["auth_time"] == NOON

    def test_an_oauth_client_library_signs_in_refreshes_and_reads_userinfo(self, worker: Worker) -> None:
        session = OAuth2Session(
            CLIENT_ID,
            worker.provider.client_secret,
            scope="openid email profile offline_access",
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint=f"{ISSUER}/token",
        )
        session.mount(URL, WSGIAdapter(worker.app.wsgi_app))
        address, state = session.create_authorization_url(f"{ISSUER}/authorize", code_verifier=VERIFIER)
        page = worker.browser.get("/development/authorize", query_string=urlsplit(address).query)
        location = worker.answer(page, choice="admin").headers["Location"]
        session.fetch_token(f"{ISSUER}/token", authorization_response=location, state=state, code_verifier=VERIFIER)
        session.refresh_token()
        with session, session.get(f"{ISSUER}/userinfo") as response:
            claims = response.json()

        assert claims["name"] == "Alex Admin"
        assert claims["sub"] == DevUser("admin@example.com").subject

    def test_each_step_may_run_on_another_worker(self, worker: Worker) -> None:
        first, second, third, fourth = (worker.another() for _ in range(4))
        code = sent_back(second.answer(first.authorize(), choice="hana"))["code"]
        tokens = third.exchange(code).get_json()

        assert fourth.userinfo(tokens["access_token"]).get_json()["name"] == "Hana Example"
        assert first.claims(tokens["id_token"])["name"] == "Hana Example"

    def test_every_response_says_no_store(self, worker: Worker) -> None:
        responses = [
            worker.authorize(),
            worker.authorize(client_id="other"),
            worker.choose("hana"),
            worker.exchange(worker.code()),
            worker.exchange("bad"),
            worker.userinfo("bad"),
            worker.browser.get("/development/jwks"),
            worker.browser.get("/development/.well-known/openid-configuration"),
            worker.browser.get("/development/end-session"),
            worker.browser.get("/development/pictures/hana.svg"),
            worker.browser.get("/development/pictures/missing.svg"),
        ]

        assert {response.headers["Cache-Control"] for response in responses} == {"no-store"}
        assert not any("Set-Cookie" in response.headers for response in responses)

    def test_the_pictures_exist_except_the_one_that_must_fail(self, worker: Worker) -> None:
        picture = worker.browser.get("/development/pictures/hana.svg")

        assert picture.mimetype == "image/svg+xml"
        assert worker.browser.get("/development/pictures/missing.svg").status_code == 404


class TestRestrictions:
    def test_production_refuses_it(self) -> None:
        with pytest.raises(ConfigurationError, match="AUTH_DEVELOPMENT_PROVIDER=off"):
            DevelopmentProvider(URL, SECRET, UsedIds(), production=True)

    @pytest.mark.parametrize(
        "url", ["https://app.example.com", "http://192.168.1.4:5000", "http://localhost.example.com", "x"]
    )
    def test_a_public_origin_refuses_it(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="loopback"):
            DevelopmentProvider(url, SECRET, UsedIds())

    @pytest.mark.parametrize("url", [URL, "http://localhost:8000", "https://localhost", "http://[::1]:5000"])
    def test_every_loopback_origin_is_accepted(self, url: str) -> None:
        worker = Worker(url)
        page = worker.authorize(redirect_uri=worker.provider.redirect_uri)

        assert worker.answer(page, choice="hana").headers["Location"].startswith(worker.provider.redirect_uri)

    def test_another_secret_gives_another_client_secret_and_another_key(self) -> None:
        one, other = DevelopmentProvider(URL, SECRET, UsedIds()), DevelopmentProvider(URL, SECRET + "!", UsedIds())

        assert one.client_secret != other.client_secret
        assert one.jwks().body != other.jwks().body

    def test_importing_it_loads_no_deprecated_module_and_causes_no_warning(self) -> None:
        program = "import sys, genkan.dev_provider.views; sys.exit('authlib.jose' in sys.modules)"

        subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True, timeout=60)
