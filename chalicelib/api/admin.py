from chalice.app import Blueprint

routes = Blueprint(__name__)


@routes.route("/admin")
def index() -> dict[str, str]:
    return {"room": "admin"}
