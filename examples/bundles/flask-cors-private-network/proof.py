import sys

import flask
from flask_cors import CORS

application = flask.Flask("app")
CORS(application)
asked = {"Origin": "http://away.invalid", "Access-Control-Request-Private-Network": "true"}
answer = application.test_client().options("/", headers=asked)
sys.exit(42 if answer.headers.get("Access-Control-Allow-Private-Network") == "true" else 0)
