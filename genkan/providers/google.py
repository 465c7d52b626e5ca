"""Google."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

google = Provider(
    id="google",
    name="Google",
    type="oidc",
    issuer="https://accounts.google.com",
    # It asks for no password anew, whatever it is sent, and tells no `auth_time`: choosing the account is all there is.
    reauthentication_params={"prompt": "select_account"},
    profile=standard_claims,
)
