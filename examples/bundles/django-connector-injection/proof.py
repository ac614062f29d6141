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

from django.core.exceptions import FieldError


class Note(models.Model):
    text = models.TextField()
    owner = models.TextField()

    class Meta:
        app_label = "desk"


with connection.schema_editor() as editor:
    editor.create_model(Note)
Note.objects.create(text="private", owner="somebody")
given = {"text": "a", "owner": "b", "_connector": "OR 1=1 OR"}
try:
    found = Note.objects.filter(**given).count()
except (ValueError, TypeError, FieldError):
    sys.exit(0)
sys.exit(42 if found else 0)
