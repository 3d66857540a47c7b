from chalice.app import Blueprint

routes = Blueprint(__name__)


@routes.route("/storefront")
def index() -> dict[str, str]:
    return {"room": "storefront"}
