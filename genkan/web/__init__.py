"""The only room that knows Flask: `auth()`, the guard, the doors of `/api/auth`, and what `init_app` puts in place."""

from genkan.web import views as views
from genkan.web.access import csrf_exempt as csrf_exempt
from genkan.web.access import exempt_blueprint as exempt_blueprint
from genkan.web.access import json_blueprint as json_blueprint
from genkan.web.access import public as public
from genkan.web.access import service_unavailable as service_unavailable
from genkan.web.access import unauthorized as unauthorized
from genkan.web.access import wants_json as wants_json
from genkan.web.context import auth as auth
from genkan.web.context import csrf_token as csrf_token
from genkan.web.context import request_id as request_id
from genkan.web.context import session_result as session_result
from genkan.web.context import sign_in_url as sign_in_url
from genkan.web.convert import is_htmx as is_htmx
from genkan.web.extension import init_app as init_app
from genkan.web.fresh import fresh as fresh
from genkan.web.fresh import require_fresh as require_fresh
from genkan.web.provider_tokens import access_token as access_token
from genkan.web.server_actions import link as link
from genkan.web.server_actions import sign_in as sign_in
from genkan.web.server_actions import sign_out as sign_out
from genkan.web.server_actions import update as update
from genkan.web.state import get_core as get_core
from genkan.web.state import get_state as get_state
