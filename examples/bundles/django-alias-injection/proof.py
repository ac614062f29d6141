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


class Book(models.Model):
    title = models.TextField()

    class Meta:
        app_label = "shelf"


with connection.schema_editor() as editor:
    editor.create_model(Book)
Book.objects.create(title="one")
alias = """kept", 'from-injected-column' AS "more"""
try:
    rows = Book.objects.annotate(**{alias: models.Value(1)}).query
    with connection.cursor() as cursor:
        print(cursor.execute(*rows.sql_with_params()).fetchall())
except ValueError as error:
    print("refused:", type(error).__name__)
