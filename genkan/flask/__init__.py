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
from genkan.flask.guard import csrf_exempt as csrf_exempt
from genkan.flask.guard import exempt_blueprint as exempt_blueprint
from genkan.flask.guard import json_blueprint as json_blueprint
from genkan.flask.guard import public as public
from genkan.flask.guard import service_unavailable as service_unavailable
from genkan.flask.guard import unauthorized as unauthorized
from genkan.flask.guard import wants_json as wants_json
from genkan.flask.provider_tokens import access_token as access_token
from genkan.flask.state import get_core as get_core
from genkan.flask.state import get_state as get_state
from genkan.flask.visit import auth as auth
from genkan.flask.visit import csrf_token as csrf_token
from genkan.flask.visit import request_id as request_id
from genkan.flask.visit import session_result as session_result
from genkan.flask.visit import sign_in_url as sign_in_url
