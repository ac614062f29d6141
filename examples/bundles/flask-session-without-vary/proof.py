import sys

import flask

application = flask.Flask("app")
application.secret_key = "made up"


@application.get("/log-in")
def log_in():
    flask.session.permanent = True
    flask.session["who"] = "somebody"
    return ""


@application.get("/page")
def page():
    return "same for all"


client = application.test_client()
client.get("/log-in")
answer = client.get("/page")
sys.exit(42 if "Set-Cookie" in answer.headers and "Vary" not in answer.headers else 0)
