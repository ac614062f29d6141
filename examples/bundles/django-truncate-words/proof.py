import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[],
    USE_TZ=False,
    ALLOWED_HOSTS=["*"],
)
django.setup()

import sys

from django.utils.text import Truncator

Truncator("<" * int(sys.argv[1]) + "p").words(3, html=True)
