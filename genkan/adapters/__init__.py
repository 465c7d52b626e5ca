"""The protocol of an adapter, and what every adapter shares."""

from genkan.adapters.protocol import DEFAULT_ROLE as DEFAULT_ROLE
from genkan.adapters.protocol import KEPT_AFTER_EXPIRY as KEPT_AFTER_EXPIRY
from genkan.adapters.protocol import LEASES_AT_MOST as LEASES_AT_MOST
from genkan.adapters.protocol import SECRET_FIELDS as SECRET_FIELDS
from genkan.adapters.protocol import Adapter as Adapter
from genkan.adapters.protocol import is_last_way_in as is_last_way_in
from genkan.adapters.protocol import is_leased as is_leased
from genkan.adapters.protocol import kept_tokens as kept_tokens
from genkan.adapters.protocol import refreshed as refreshed
