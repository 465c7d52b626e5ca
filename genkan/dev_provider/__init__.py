"""A real OpenID provider beside the application, for development: no keys, no network, and anybody may be anybody."""

from genkan.dev_provider.endpoints import CLIENT_ID as CLIENT_ID
from genkan.dev_provider.endpoints import PATH as PATH
from genkan.dev_provider.endpoints import DevelopmentProvider as DevelopmentProvider
from genkan.dev_provider.users import PRESETS as PRESETS
