"""The Chalice application: mounts the REST blueprints, nothing else. `app.app` is the Lambda handler behind API Gateway, and what the host's front calls."""

from chalice import Chalice

from chalicelib.api.mount import mount

app = Chalice(app_name="millrace", configure_logs=False)
mount(app)
