"""Adapter protocol, and functions that all adapters share."""

from genkan.adapters.base import DEFAULT_ROLE as DEFAULT_ROLE
from genkan.adapters.base import MAX_LOCK_SECONDS as MAX_LOCK_SECONDS
from genkan.adapters.base import NO_PROFILE as NO_PROFILE
from genkan.adapters.base import SECRET_FIELDS as SECRET_FIELDS
from genkan.adapters.base import Adapter as Adapter
from genkan.adapters.base import Schema as Schema
from genkan.adapters.base import is_last_account as is_last_account
from genkan.adapters.base import is_refresh_locked as is_refresh_locked
from genkan.adapters.base import merge_profile as merge_profile
from genkan.adapters.base import token_columns as token_columns
