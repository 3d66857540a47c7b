"""The Chalice application: every blueprint, registered; nothing else."""

from chalice.app import Chalice

from chalicelib.api import ROOMS, openapi
from chalicelib.workers import deliver, housekeeping, relay

app = Chalice(app_name="tillhook")
for room in ROOMS:
    app.register_blueprint(room.blueprint)
    openapi.publish(room.operations)
app.register_blueprint(relay.functions)
app.register_blueprint(deliver.functions)
app.register_blueprint(housekeeping.functions)
