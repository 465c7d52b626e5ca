"""Development identity provider: an OpenID provider inside the application that signs in any user without a password."""

from genkan.dev_provider.endpoints import CLIENT_ID as CLIENT_ID
from genkan.dev_provider.endpoints import PATH as PATH
from genkan.dev_provider.endpoints import DevelopmentProvider as DevelopmentProvider
from genkan.dev_provider.users import PRESETS as PRESETS
