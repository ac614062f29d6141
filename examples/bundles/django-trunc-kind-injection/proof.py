import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[],
    USE_TZ=False,
    ALLOWED_HOSTS=["*"],
)
django.setup()
from django.db import connection, models

import sys

from django.db.models.functions import Extract


class Visit(models.Model):
    at = models.DateTimeField()

    class Meta:
        app_label = "door"


with connection.schema_editor() as editor:
    editor.create_model(Visit)
kind = "year' FROM start)) OR 1=1;--"
try:
    text, parameters = (
        Visit.objects.filter(at__isnull=False)
        .annotate(x=Extract("at", kind))
        .query.sql_with_params()
    )
except ValueError:
    sys.exit(0)
sys.exit(42 if "or 1=1;--" in text.lower() else 0)
