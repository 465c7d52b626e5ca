"""A real OpenID provider beside the application, for development: no keys, no network, and anybody may be anybody."""

from genkan.development.people import PRESETS as PRESETS
from genkan.development.provider import CLIENT_ID as CLIENT_ID
from genkan.development.provider import PATH as PATH
from genkan.development.provider import DevelopmentProvider as DevelopmentProvider
