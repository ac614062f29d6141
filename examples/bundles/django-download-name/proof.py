import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[],
    USE_TZ=False,
    ALLOWED_HOSTS=["*"],
)
django.setup()

import io

from django.http import FileResponse

name = 'safe.sh";dummy=.txt'
print(FileResponse(io.BytesIO(b""), as_attachment=True, filename=name)["Content-Disposition"])
