"""The only room that knows Flask: `auth()`, the guard, the doors of `/api/auth`, and what `init_app` puts in place."""

from genkan.flask import handlers as handlers
from genkan.flask.actions import link as link
from genkan.flask.actions import sign_in as sign_in
from genkan.flask.actions import sign_out as sign_out
from genkan.flask.actions import update as update
from genkan.flask.envelope import is_htmx as is_htmx
from genkan.flask.extension import init_app as init_app
from genkan.flask.freshness import fresh as fresh
from genkan.flask.freshness import require_fresh as require_fresh
from genkan.flask.guard import answers_json as answers_json
from genkan.flask.guard import guards_itself as guards_itself
from genkan.flask.guard import public as public
from genkan.flask.guard import refuse as refuse
from genkan.flask.guard import speaks_json as speaks_json
from genkan.flask.guard import stands_apart as stands_apart
from genkan.flask.guard import unavailable as unavailable
from genkan.flask.provider_tokens import access_token as access_token
from genkan.flask.state import options as options
from genkan.flask.state import state_of as state_of
from genkan.flask.visit import auth as auth
from genkan.flask.visit import csrf_token as csrf_token
from genkan.flask.visit import reading as reading
from genkan.flask.visit import request_id as request_id
from genkan.flask.visit import sign_in_url as sign_in_url
