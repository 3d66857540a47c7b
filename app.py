"""The Chalice application: every blueprint, registered; nothing else."""

from chalice.app import Chalice

from chalicelib.api import admin, callbacks, storefront
from chalicelib.workers import deliver, relay

app = Chalice(app_name="tillhook")
app.register_blueprint(storefront.routes)
app.register_blueprint(callbacks.routes)
app.register_blueprint(admin.routes)
app.register_blueprint(relay.functions)
app.register_blueprint(deliver.functions)
