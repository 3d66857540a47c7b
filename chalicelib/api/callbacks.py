from chalice.app import Blueprint

routes = Blueprint(__name__)


@routes.route("/callbacks")
def index() -> dict[str, str]:
    return {"room": "callbacks"}
