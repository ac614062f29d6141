"""A browser for tests: keeps its cookie, follows links, sends the forms that pages really have."""

from html.parser import HTMLParser

from asking import Client
from clearhouse.kernel import sessions
from clearhouse.surfaces.api import desk as api
from clearhouse.surfaces.web.desk import application

HOUSE = "http://desk.test"


class Page(HTMLParser):
    """What a page says and offers."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.forms, self.links = [], [], [], []
        self.words, self.source = "", html
        self.next = None
        self._form = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in values.items()]
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
            self.next = values["href"] if values.get("rel") == "next" else self.next
        if tag == "form":
            self._form = {"action": values.get("action", ""), "fields": {}}
            self.forms.append(self._form)
        if tag == "input" and self._form is not None and "name" in values:
            self._form["fields"][values["name"]] = values.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None

    def handle_data(self, data):
        self.words += data

    def form(self, action):
        return next(form for form in self.forms if form["action"] == action)


class Visitor:
    """Somebody's browser at the desk."""

    def __init__(self, desk, actor=None, **options):
        self.client = Client(
            application(desk, also=[api.router], **options), base_url=HOUSE, follow_redirects=False
        )
        if actor is not None:
            with desk.database.transaction(actor.actor_id) as transaction:
                code = sessions.offer_link(transaction, actor.actor_id)
            answer = self.client.post("/sign-in", data={"code": code})
            assert answer.status_code == 303

    def get(self, address):
        return self.client.get(address)

    def page(self, address, status=200):
        answer = self.get(address)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:2000])
        return Page(answer.text)

    def send(self, page, action, **fields):
        form = page.form(action)
        return self.client.post(action, data=form["fields"] | fields)


def pages_from(visitor, address):
    """Yield a page and all that it goes on to."""
    while address:
        yield (page := visitor.page(address))
        address = page.next


def crawl(visitor, start=("/",), limit=400):
    """Yield (address, page) of everything that a visitor reaches by links."""
    waiting, seen = list(start), set(start)
    while waiting and limit:
        limit -= 1
        address = waiting.pop(0)
        answer = visitor.get(address)
        if answer.status_code == 303:
            found = [answer.headers["location"]]
        elif "attachment" in answer.headers.get("content-disposition", ""):
            continue
        else:
            assert answer.status_code == 200, (address, answer.status_code)
            page = Page(answer.text)
            page.answer = answer
            yield address, page
            found = page.links
        for link in found:
            if link.startswith("/") and link not in seen:
                seen.add(link)
                waiting.append(link)
