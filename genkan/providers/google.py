"""Google."""

from __future__ import annotations

from genkan.providers.base import Provider, standard_claims

google = Provider(
    id="google",
    name="Google",
    type="oidc",
    issuer="https://accounts.google.com",
    # Google cannot be made to ask for the password again and sends no `auth_time`. It can only show the account chooser.
    reauthentication_params={"prompt": "select_account"},
    profile=standard_claims,
)
